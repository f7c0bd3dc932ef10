//! Asks a running server whether it is ready: for containers without a shell, and for scripts.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

use bytes::Bytes;
use http::HeaderMap;
use http::Method;
use http::StatusCode;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::limits;
use crate::report;
use crate::report::Report;
use crate::transport::http::Client;
use crate::transport::http::Proxies;
use crate::transport::http::RemoteConfig;
use crate::transport::http::Request;

/// Asks the admin page at `admin`.
///
/// # Errors
/// The server is not ready, for the reason that it gives, or does not answer in time.
pub async fn ask(admin: SocketAddr) -> Result<(), Report> {
    let answer = tokio::time::timeout(limits::READY_ANSWER, get(near(admin))).await;
    let (status, text) = answer.map_err(|_| {
        let cause = format!("no answer from {admin} within {} s", limits::READY_ANSWER.as_secs());
        not_ready().cause(cause)
    })??;
    if status == StatusCode::OK {
        return Ok(());
    }
    Err(not_ready().cause(report::peer_text(text.trim())))
}

/// An address that stands for all of this machine is none to connect to, except on Linux.
fn near(mut admin: SocketAddr) -> SocketAddr {
    match admin.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => admin.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => admin.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    admin
}

/// Status and text of the page.
async fn get(admin: SocketAddr) -> Result<(StatusCode, String), Report> {
    let url = format!("http://{admin}/readyz");
    let url = Url::parse(&url).map_err(|error| not_ready().cause(error.to_string()))?;
    let remote = RemoteConfig {
        url: url.clone(),
        headers: HeaderMap::new(),
        connect_timeout: limits::READY_ANSWER,
        proxies: Proxies::none(),
    };
    let client = Client::new(&remote, None).ok_or_else(not_ready)?;
    let (method, headers, body) = (Method::GET, Vec::new(), Bytes::new());
    let request = Request { method, url, headers, body };
    let reply = client.send(request, &CancellationToken::new()).await.map_err(|failure| {
        let hint =
            "pass the address that the server was given with `--admin`, and check that it runs";
        failure.report.hint(hint)
    })?;
    let text = reply.body.read(limits::READY_REASON_BYTES).await;
    let text = text.map_err(|error| not_ready().cause(error.to_string()))?;
    Ok((reply.status, String::from_utf8_lossy(&text).into_owned()))
}

fn not_ready() -> Report {
    Report::new("the server is not ready")
}

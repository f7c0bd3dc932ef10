//! The demonstration: a host, the bridge and a server behind mutual TLS, in one process.
//!
//! Nothing is written to disk and nothing leaves the machine: the certificates are made in memory,
//! and the server listens on the loopback interface.

mod server;
mod stdio;
mod tools;
mod transcript;

use std::io::Write;
use std::sync::Arc;

use http::HeaderMap;
use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::command::demo::server::Server;
use crate::command::demo::transcript::Transcript;
use crate::command::script;
use crate::command::script::Refused;
use crate::command::script::Script;
use crate::limits;
use crate::report::Kind;
use crate::report::Report;
use crate::tls::Alpn;
use crate::tls::Authority;
use crate::tls::ClientTls;
use crate::tls::ServerTls;
use crate::transport::fallback::Strategy;
use crate::transport::http::Client;
use crate::transport::http::Proxies;
use crate::transport::http::RemoteConfig;
use crate::transport::streamable_http::Settings;

pub use crate::command::demo::stdio::serve;

/// The name in the client certificate.
const CLIENT: &str = "demo-client";
/// How far the server is asked to count.
const COUNT: u32 = 5;

/// Runs the demonstration and writes what happens to `out`, one line of at most 80 columns a step.
///
/// # Errors
/// What did not go as it should, or that `out` cannot be written to.
pub async fn run(out: impl Write) -> Result<(), Report> {
    let mut transcript = Transcript::new(out);
    transcript.heading("A host, the bridge and an MCP server behind mutual TLS, in one process")?;

    let begun = Instant::now();
    let authority = Authority::new("demo CA")?;
    let (identity, client) = (authority.server(&["127.0.0.1"])?, authority.client(CLIENT)?);
    transcript.step("certificates", "a CA, a server and a client, in memory alone", begun)?;

    let begun = Instant::now();
    let tls = ServerTls::new(&identity, &authority, Alpn::H2AndHttp1)?;
    let server = Server::start(tls).await?;
    transcript.step("server", &format!("{}, mutual TLS", server.url()), begun)?;

    transcript.heading(&format!("With the client certificate of {CLIENT}"))?;
    let known = ClientTls::in_memory(Some(&client), &authority)?;
    bridged(server.url(), known, async |host| tour(host, &mut transcript).await).await??;
    if server.sessions() != 0 {
        return Err(Report::new("the session outlived its host"));
    }
    transcript.fact("end of input", "the session is deleted at the server")?;

    transcript.heading("Without a certificate")?;
    let unknown = ClientTls::in_memory(None, &authority)?;
    let begun = Instant::now();
    match bridged(server.url(), unknown, async |host| {
        host.initialize(tools::PROTOCOL_VERSION).await
    })
    .await?
    {
        Err(Refused { kind: Some(kind), report, .. }) if kind == Kind::Tls.as_str() => {
            transcript.step("initialize", "refused", begun)?;
            transcript.report(&report)?;
        }
        Err(other) => return Err(other.report),
        Ok(_) => return Err(Report::new("the server took a client without a certificate")),
    }
    transcript.heading("The same with a server of yours:")?;
    transcript.line("mcp-secure-remote https://host/mcp --tls-cert client.crt --tls-key client.key")
}

/// Runs the bridge between `talk`, which plays the host, and the server, as the program does
/// between standard input and output and a remote.
async fn bridged<T>(
    url: &Url,
    tls: ClientTls,
    talk: impl AsyncFnOnce(&mut Script) -> T,
) -> Result<T, Report> {
    let remote = RemoteConfig {
        url: url.clone(),
        headers: HeaderMap::new(),
        connect_timeout: limits::CONNECT_TIMEOUT,
        proxies: Proxies::none(),
    };
    let settings = Settings {
        max_message: limits::MAX_MESSAGE_BYTES,
        request_timeout: None,
        reinitialize: true,
    };
    let http = Client::new(&remote, Some(Arc::new(tls)))
        .ok_or_else(|| Report::new("the server of the demonstration has no usable address"))?;
    let never = CancellationToken::new();
    let told =
        script::play("demo-host", Arc::new(http), Strategy::default(), settings, &never, talk);
    told.await.ok_or_else(|| Report::new("the demonstration was stopped"))
}

/// What an IDE does with a server.
async fn tour(host: &mut Script, transcript: &mut Transcript<impl Write>) -> Result<(), Report> {
    let begun = Instant::now();
    let server = host.initialize(tools::PROTOCOL_VERSION).await?;
    let (name, version) = (&server["serverInfo"]["name"], &server["protocolVersion"]);
    transcript.step("initialize", &format!("{}, MCP {}", text(name), text(version)), begun)?;

    let begun = Instant::now();
    let listed = host.request("tools/list", json!({}), |_| Ok(())).await?;
    let tools = listed["tools"].as_array().map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = tools.iter().map(|tool| text(&tool["name"])).collect();
    transcript.step("tools/list", &names.join(", "), begun)?;

    let begun = Instant::now();
    let call = json!({ "name": "add", "arguments": { "a": 2, "b": 3 } });
    let sum = host.request("tools/call", call, |_| Ok(())).await?;
    transcript.step("tools/call add", answer(&sum), begun)?;

    let begun = Instant::now();
    let (arguments, meta) = (json!({ "to": COUNT }), json!({ "progressToken": "count" }));
    let call = json!({ "name": "count", "arguments": arguments, "_meta": meta });
    let counted = host.request("tools/call", call, |progress| {
        let seen = format!("progress {} of {}", progress["progress"], progress["total"]);
        transcript.step("tools/call count", &seen, begun)
    });
    let counted = counted.await?;
    transcript.step("tools/call count", answer(&counted), begun)
}

/// The text that a tool gave.
fn answer(result: &Value) -> &str {
    text(&result["content"][0]["text"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

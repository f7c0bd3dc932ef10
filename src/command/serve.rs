//! The companion server: puts an MCP server that speaks stdio behind HTTPS.
//!
//! ```text
//! clients --> Front --> Routes --+-- /mcp: Endpoint ----------+--> Servers --> relay --> a child a session
//!                                +-- /sse, /messages: SSE ----+           --> mux ----> a child a principal
//! ```

mod config;
mod greeting;
mod guest;
mod resident;
mod room;
mod routes;
mod servers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::net::TcpListener;

use crate::command::memory;
use crate::command::serve::routes::Routes;
use crate::command::serve::servers::Servers;
use crate::command::signals::Hangups;
use crate::command::signals::Signals;
use crate::limits;
use crate::report::Report;
use crate::task::Tasks;
use crate::tls::Alpn;
use crate::tls::ServerTls;
use crate::transport::http_listener::Admission;
use crate::transport::http_listener::Front;
use crate::transport::http_listener::FrontConfig;
use crate::transport::http_listener::bind;

pub use crate::command::serve::config::Limits;
pub use crate::command::serve::config::ServeConfig;

/// Runs the server until a signal ends it.
///
/// # Errors
/// What kept it from running, or that it was cut off before all was answered.
pub async fn run(config: ServeConfig) -> Result<(), Report> {
    memory::protect();
    let signals = Signals::listen()?;
    let tls = config.tls.clone().map(|options| ServerTls::load(options, Alpn::H2AndHttp1));
    let tls = tls.transpose()?;
    let servers = Arc::new(Servers::start(&config)?);
    let (sockets, addresses) = listen(&config)?;
    let routes = Arc::new(Routes::new(&config, Arc::clone(&servers)));
    let admission = Admission {
        rules: config.rules.clone(),
        hosts: config.hosts(&addresses),
        origins: config.origins.clone(),
    };
    let front = FrontConfig {
        tls: tls.clone(),
        admission,
        max_connections: config.limits.connections,
        handshake_timeout: config.limits.handshake_timeout,
        idle_timeout: config.limits.idle_timeout,
    };
    let front = Front::new(front, Arc::clone(&routes));
    front.open(sockets);
    for address in &addresses {
        tracing::info!("listening on {}", config.url(*address));
    }
    let tasks = Tasks::new();
    if let Some(tls) = tls {
        tracing::info!("{}", tls.describe());
        tasks.spawn(watch_expiry(tls.clone()));
        tasks.spawn(look_at_files(tls.clone()));
        tasks.spawn(reload_at_hangup(tls, Hangups::listen()?));
    }
    let limit = config.shutdown_timeout;
    let stopped = signals.run(async |stop| {
        stop.await;
        routes.finish();
        let in_time = tokio::time::timeout(limit, front.drain()).await.is_ok();
        front.close().await;
        routes.close().await;
        servers.close().await;
        in_time
    });
    if stopped.await == Some(true) {
        return Ok(());
    }
    Err(Report::new("the server was stopped before all requests were answered")
        .hint("give it more time with `--shutdown-timeout`"))
}

/// Opens all sockets before anybody is let in.
fn listen(config: &ServeConfig) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), Report> {
    let mut sockets = Vec::new();
    let mut addresses = Vec::new();
    for address in &config.listen {
        let socket = bind(*address, config.reuse_port)?;
        addresses.push(socket.local_addr().unwrap_or(*address));
        sockets.push(socket);
    }
    Ok((sockets, addresses))
}

/// Also while nobody connects: who is not trusted any more is to go.
async fn look_at_files(tls: ServerTls) {
    loop {
        tokio::time::sleep(limits::RELOAD_INTERVAL).await;
        tls.refresh().await;
    }
}

/// Says in time that a certificate is about to expire: at the start, and once a day.
async fn watch_expiry(tls: ServerTls) {
    loop {
        for warning in tls.warnings(SystemTime::now()) {
            tracing::warn!("{warning}");
        }
        tokio::time::sleep(limits::EXPIRY_CHECK).await;
    }
}

/// SIGHUP: look at the files of TLS now.
async fn reload_at_hangup(tls: ServerTls, mut hangups: Hangups) {
    while hangups.next().await {
        if let Err(report) = tls.reload().await {
            tracing::warn!("the old TLS files stay in force: {}", report.line());
        }
    }
}

//! The companion server: puts an MCP server that speaks stdio behind HTTPS.
//!
//! ```text
//! clients --> Front --> Routes --+-- /mcp: Endpoint -----------------------+--> Servers --+----------> a child a session
//!                                +-- /sse, /messages: SSE --> Relayed -----+              +--> mux --> a child a principal
//! ```

pub mod ready;

mod config;
mod greeting;
mod guest;
mod notify;
mod operator;
mod probe;
mod relayed;
mod resident;
mod room;
mod routes;
mod servers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::net::TcpListener;

use crate::command::memory;
use crate::command::serve::notify::Notifier;
use crate::command::serve::operator::Observed;
use crate::command::serve::operator::Operator;
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
use crate::transport::streamable_http::server;

pub use crate::command::serve::config::Limits;
pub use crate::command::serve::config::ServeConfig;
pub use crate::command::serve::notify::ServiceManager;

/// Runs the server until a signal ends it.
///
/// # Errors
/// What kept it from running, or that it was cut off before all was answered.
pub async fn run(mut config: ServeConfig) -> Result<(), Report> {
    memory::protect();
    let signals = Signals::listen()?;
    // Before the first client: until they are taken over, a SIGHUP ends the program.
    let hangups = Hangups::listen()?;
    let tls = load(&config)?;
    let servers = Arc::new(Servers::start(&config)?);
    let (sockets, addresses) = listen(&mut config)?;
    let admin = operator::listen(&config)?;
    let requests = Arc::<server::Counts>::default();
    let routes = Routes::new(&config, Arc::clone(&servers), Arc::clone(&requests));
    let routes = Arc::new(routes);
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
    let observed = Observed {
        connections: Arc::clone(front.counts()),
        requests,
        routes: Arc::clone(&routes),
        servers: Arc::clone(&servers),
        tls: tls.clone(),
    };
    let operator = Operator::start(&config, admin, observed);
    let notifier = Arc::new(Notifier::new(&config.manager));
    let tasks = Tasks::new();
    tasks.spawn(reload_at_hangup(tls.clone(), hangups, Arc::clone(&notifier)));
    if let Some(tls) = tls {
        tracing::info!("{}", tls.describe());
        tasks.spawn(watch_expiry(tls.clone()));
        tasks.spawn(look_at_files(tls));
    }
    let living = Arc::clone(&notifier);
    tasks.spawn(async move { living.live().await });
    notifier.ready();
    let limit = config.shutdown_timeout;
    let stopped = signals.run(async |stop| {
        stop.await;
        notifier.stopping();
        operator.stopping();
        routes.finish();
        let answered = tokio::time::timeout(limit, routes.finished());
        // Who was not answered is told so after the limit, and idle connections say farewell.
        let drained = tokio::time::timeout(limit + 2 * limits::FAREWELL, front.drain());
        let (answered, drained) = tokio::join!(answered, drained);
        let in_time = answered.is_ok() && drained.is_ok();
        front.close().await;
        routes.close().await;
        servers.close().await;
        operator.close().await;
        in_time
    });
    if stopped.await == Some(true) {
        return Ok(());
    }
    Err(Report::new("the server was stopped before all requests were answered")
        .hint("give it more time with `--shutdown-timeout`"))
}

/// Reads all files as [`run`] would, without any effect. What the user should know, if all is well.
///
/// # Errors
/// What would keep it from running.
pub fn check(config: &ServeConfig) -> Result<Vec<String>, Report> {
    let tls = load(config)?;
    config.process.clone().check()?;
    Ok(tls.map(|tls| tls.warnings(SystemTime::now())).unwrap_or_default())
}

/// The files of TLS, where it is spoken.
fn load(config: &ServeConfig) -> Result<Option<ServerTls>, Report> {
    config.tls.clone().map(|options| ServerTls::load(options, Alpn::H2AndHttp1)).transpose()
}

/// Opens all sockets before anybody is let in, or takes those that were opened for us.
fn listen(config: &mut ServeConfig) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), Report> {
    let failed = |error: std::io::Error| {
        Report::new("cannot use a socket that was opened for this program").cause(error.to_string())
    };
    let mut sockets = Vec::new();
    for socket in std::mem::take(&mut config.inherited) {
        socket.set_nonblocking(true).map_err(failed)?;
        sockets.push(TcpListener::from_std(socket).map_err(failed)?);
    }
    for address in &config.listen {
        sockets.push(bind(*address, "--listen", config.reuse_port)?);
    }
    let addresses = sockets.iter().map(TcpListener::local_addr).collect::<Result<_, _>>();
    let addresses = addresses.map_err(failed)?;
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

/// SIGHUP: look at the files of TLS now, if there are any.
async fn reload_at_hangup(tls: Option<ServerTls>, mut hangups: Hangups, notifier: Arc<Notifier>) {
    while hangups.next().await {
        notifier.reloading();
        if let Some(tls) = &tls {
            match tls.reload().await {
                Ok(_) => tracing::info!("read the TLS files anew"),
                Err(report) => {
                    tracing::warn!("the old TLS files stay in force: {}", report.line());
                }
            }
        }
        notifier.ready();
    }
}

//! The side of the server that its operator sees: the admin page, and whether the command is fit for
//! work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::net::TcpListener;

use crate::auth::Rules;
use crate::command::serve::config::ServeConfig;
use crate::command::serve::probe;
use crate::command::serve::routes::Routes;
use crate::command::serve::servers::Servers;
use crate::limits;
use crate::observe::Admin;
use crate::observe::CertificateState;
use crate::observe::Numbers;
use crate::observe::Readiness;
use crate::report::Report;
use crate::task::Tasks;
use crate::tls::ServerTls;
use crate::transport::http_listener::Admission;
use crate::transport::http_listener::Counts;
use crate::transport::http_listener::Front;
use crate::transport::http_listener::FrontConfig;
use crate::transport::http_listener::Hosts;
use crate::transport::http_listener::Origins;
use crate::transport::http_listener::bind;
use crate::transport::streamable_http::server;

/// What the numbers are taken from.
pub(super) struct Observed {
    pub(super) connections: Arc<Counts>,
    pub(super) requests: Arc<server::Counts>,
    pub(super) routes: Arc<Routes>,
    pub(super) servers: Arc<Servers>,
    pub(super) tls: Option<ServerTls>,
}

/// The admin page, if one is wanted.
pub(super) struct Operator {
    readiness: Arc<Readiness>,
    front: Option<Front<Admin>>,
    tasks: Tasks,
}

impl Operator {
    /// Opens the page on `socket` and begins to try the command. Without a page nobody would hear
    /// what came of it.
    pub(super) fn start(
        config: &ServeConfig,
        socket: Option<TcpListener>,
        observed: Observed,
    ) -> Self {
        let (readiness, tasks) = (Arc::<Readiness>::default(), Tasks::new());
        let front = socket.map(|socket| {
            let nursery = observed.servers.nursery();
            tasks.spawn(probe::watch(nursery, Arc::clone(&readiness)));
            open(config, socket, observed, &readiness)
        });
        Self { readiness, front, tasks }
    }

    /// From now on the page says that no more requests are welcome.
    pub(super) fn stopping(&self) {
        self.readiness.stop();
        self.tasks.stop();
    }

    /// Closes the page.
    pub(super) async fn close(&self) {
        self.tasks.finished().await;
        if let Some(front) = &self.front {
            front.close().await;
        }
    }
}

/// The socket of the admin page, and where it is.
pub(super) fn listen(config: &ServeConfig) -> Result<Option<TcpListener>, Report> {
    config.admin.map(|address| bind(address, "--admin", config.reuse_port)).transpose()
}

fn open(
    config: &ServeConfig,
    socket: TcpListener,
    observed: Observed,
    readiness: &Arc<Readiness>,
) -> Front<Admin> {
    let address = socket.local_addr().ok();
    let state = Arc::clone(readiness);
    let admin = Admin::new(Arc::clone(readiness), move || observed.numbers(&state));
    let front = FrontConfig {
        tls: None,
        admission: Admission {
            rules: Rules::default(),
            hosts: hosts(config, address),
            origins: Origins::default(),
        },
        max_connections: limits::ADMIN_CONNECTIONS,
        handshake_timeout: config.limits.handshake_timeout,
        idle_timeout: config.limits.idle_timeout,
    };
    let front = Front::new(front, Arc::new(admin));
    front.open(vec![socket]);
    if let Some(address) = address {
        tracing::info!("health and metrics are on http://{address}/");
    }
    front
}

/// No certificate is demanded here, so that the name has to be one of ours.
fn hosts(config: &ServeConfig, address: Option<SocketAddr>) -> Hosts {
    match Hosts::loopback_and(address.map(|address| address.ip())) {
        Hosts::Listed(own) => {
            Hosts::Listed(config.allowed_hosts.iter().cloned().chain(own).collect())
        }
        Hosts::Any => Hosts::Any,
    }
}

impl Observed {
    fn numbers(&self, readiness: &Readiness) -> Numbers {
        let (streamable_sessions, sse_sessions) = self.routes.sessions();
        Numbers {
            connections: Arc::clone(&self.connections),
            requests: Arc::clone(&self.requests),
            streamable_sessions,
            sse_sessions,
            children: self.servers.counts(),
            certificate: self.tls.as_ref().map(|tls| CertificateState {
                days_left: tls.days_left(SystemTime::now()),
                reload_failed: tls.reload_failed(),
            }),
            is_ready: readiness.check().is_ok(),
        }
    }
}

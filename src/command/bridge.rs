//! The bridge: a host on standard input and output, a remote over HTTPS.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use http::HeaderName;
use tokio::sync::oneshot;

use crate::channel::Channel;
use crate::command::memory;
use crate::command::signals::Signals;
use crate::limits;
use crate::relay;
use crate::relay::End;
use crate::relay::Manner;
use crate::report::Failure;
use crate::report::Report;
use crate::task::Tasks;
use crate::tls::ClientOptions;
use crate::tls::ClientTls;
use crate::transport::fallback;
use crate::transport::fallback::Strategy;
use crate::transport::http::Client;
use crate::transport::http::RemoteConfig;
use crate::transport::stdio;
use crate::transport::streamable_http::Settings;

/// A host kills what does not end soon.
pub(crate) const MANNER: Manner =
    Manner { drain: limits::DRAIN_TIMEOUT, name: "the bridge", label: None };

/// Everything that the bridge has to know, checked and free of what was typed.
#[derive(Clone)]
pub struct BridgeConfig {
    /// Where the remote is and how it is reached.
    pub remote: RemoteConfig,
    /// Which transports are tried, in which order.
    pub strategy: Strategy,
    /// Our identity and whom we trust.
    pub tls: ClientOptions,
    /// Largest message in bytes, in either direction.
    pub max_message_size: usize,
    /// Longest wait for the answer to one request; `None` waits for ever.
    pub request_timeout: Option<Duration>,
    /// Open a new session when the remote has lost ours. Off: the host sees the 404.
    pub reinitialize: bool,
}

impl BridgeConfig {
    /// The address for logs: without the query, which often holds a key.
    pub fn display_url(&self) -> &str {
        &self.remote.url[..url::Position::AfterPath]
    }
}

/// Shows the names of the headers, not their values, and neither the query nor the proxies.
impl fmt::Debug for BridgeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.remote.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("BridgeConfig")
            .field("url", &self.display_url())
            .field("headers", &headers)
            .field("connect_timeout", &self.remote.connect_timeout)
            .field("strategy", &self.strategy)
            .field("tls", &self.tls)
            .field("max_message_size", &self.max_message_size)
            .field("request_timeout", &self.request_timeout)
            .field("reinitialize", &self.reinitialize)
            .finish_non_exhaustive()
    }
}

/// Runs the bridge until the host, the remote or a signal ends it.
///
/// # Errors
/// What kept it from running or ended it early, for the user.
pub async fn run(config: BridgeConfig) -> Result<(), Report> {
    memory::protect();
    let tasks = Tasks::new();
    let tls = load_tls(&config, &tasks)?;
    let http = Client::new(&config.remote, tls)
        .ok_or_else(|| Report::new("the server URL must use http or https"))?;
    let settings = Settings {
        max_message: config.max_message_size,
        request_timeout: config.request_timeout,
        reinitialize: config.reinitialize,
    };
    let signals = Signals::listen_also_to_hangups()?;
    let host = stdio::open(config.max_message_size, &tasks)
        .map_err(|e| Report::new("cannot use standard input and output").cause(e.to_string()))?;
    let remote = fallback::connect(Arc::new(http), config.strategy, settings, &tasks);
    let end = signals.run(|stop| relay(host.channel, remote, stop, &tasks)).await.flatten();
    // What was said last has to reach a host that still reads.
    let written = tokio::time::timeout(limits::FLUSH_TIMEOUT, host.written).await;
    match (end, written) {
        // Cut off by a second signal, as was asked for.
        (None, _) => Ok(()),
        (Some(End::Remote(Some(Failure { report, .. }))), _) => Err(report),
        (_, Ok(Ok(Err(error)))) => Err(output_lost().cause(error.to_string())),
        (Some(End::Lost), _) => Err(output_lost().cause("the host has closed it")),
        (_, Err(_)) => Err(output_lost().cause("the host does not read it")),
        (Some(End::Host | End::Remote(None)), Ok(_)) => Ok(()),
    }
}

fn output_lost() -> Report {
    Report::new("standard output failed, and answers are lost")
}

/// The relay in a task of its own: waking the outermost future costs two system calls more.
async fn relay(
    host: Channel,
    remote: Channel,
    stop: impl Future<Output = ()> + Send + 'static,
    tasks: &Tasks,
) -> Option<End> {
    let (ended, end) = oneshot::channel();
    tasks.spawn(async move {
        // The other end waits as long as this runs.
        let _ = ended.send(relay::run(host, remote, MANNER, stop).await);
    });
    end.await.ok()
}

/// What a plain connection does not need is not loaded: the system's roots cost milliseconds.
fn load_tls(config: &BridgeConfig, tasks: &Tasks) -> Result<Option<Arc<ClientTls>>, Report> {
    if config.remote.url.scheme() != "https" {
        return Ok(None);
    }
    let tls = Arc::new(ClientTls::load(config.tls.clone())?);
    if let Some(text) = tls.describe() {
        tracing::info!("{text}");
    }
    tasks.spawn(watch_expiry(Arc::clone(&tls)));
    Ok(Some(tls))
}

/// Says in time that the identity is about to expire: at the start, and once a day.
async fn watch_expiry(tls: Arc<ClientTls>) {
    loop {
        for warning in tls.warnings(SystemTime::now()) {
            tracing::warn!("{warning}");
        }
        tokio::time::sleep(limits::EXPIRY_CHECK).await;
        tls.refresh();
    }
}

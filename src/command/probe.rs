//! The probe: the way to a server step by step, the reason where it ends, and what the server
//! offers. It connects by the very code that the bridge has, so that what works here works there.

mod advice;
pub mod all;
mod arguments;
mod certificates;
pub mod findings;
mod record;
pub mod screen;
mod tour;
mod way;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::command::bridge::BridgeConfig;
use crate::command::probe::findings::Class;
use crate::command::probe::findings::Entry;
use crate::command::probe::findings::Findings;
use crate::command::probe::findings::Problem;
use crate::command::probe::findings::Step;
use crate::command::probe::record::Cut;
use crate::command::probe::record::Record;
use crate::command::probe::record::Reporter;
use crate::command::probe::screen::Screen;
use crate::command::probe::tour::Era;
use crate::command::probe::tour::Unsaid;
use crate::command::probe::way::Way;
use crate::command::script;
use crate::command::script::Script;
use crate::command::signals::Signals;
use crate::report::Report;
use crate::tls::ClientTls;
use crate::transport::fallback::STREAMABLE_HTTP;
use crate::transport::fallback::Strategy;
use crate::transport::http::Client;
use crate::transport::http::Observer;
use crate::transport::streamable_http::Settings;

/// What servers see of us.
const NAME: &str = "mcp-secure-remote-client";

/// What is probed, and how.
#[derive(Debug)]
pub struct ProbeConfig {
    /// The server, and the way to it, as for the bridge.
    pub bridge: BridgeConfig,
    /// The names of the variables that were set for it.
    pub variables: Vec<String>,
    /// What the settings give up.
    pub warnings: Vec<String>,
    /// The time for all of it.
    pub limit: Duration,
    /// So long before the end of a certificate a warning is due.
    pub warn_expiry: Duration,
}

/// Probes a server and shows what happens. Nothing that goes wrong on the way is an error here: it
/// is in the findings.
pub async fn run(config: ProbeConfig, screen: &mut Screen<'_>) -> Findings {
    let url = config.bridge.display_url().to_owned();
    screen.begin(&url);
    let mut record = Record::new(Way::new(&config.bridge.remote.url), screen);
    record.tell(arguments::entry(&config));
    let ended = match Signals::listen() {
        Ok(signals) => signals.run(|signal| within(&config, &mut record, signal)).await,
        // Then a signal ends it without ceremony.
        Err(_) => Some(within(&config, &mut record, std::future::pending()).await),
    };
    let ended = ended.unwrap_or_else(|| record.cut(Cut::Signal));
    record.end(url, ended.err())
}

/// Until `signal`, and as long as may be. However it ends, the session is left in good order.
async fn within(
    config: &ProbeConfig,
    record: &mut Record<'_, '_>,
    signal: impl Future<Output = ()>,
) -> Result<(), Problem> {
    let stop = CancellationToken::new();
    let cut = async {
        let cut = tokio::select! {
            () = signal => Cut::Signal,
            () = tokio::time::sleep(config.limit) => Cut::Limit(config.limit),
        };
        stop.cancel();
        cut
    };
    tokio::pin!(cut);
    let mut why = None;
    let ended = {
        let all = all(config, record, &stop);
        tokio::pin!(all);
        loop {
            tokio::select! {
                biased;
                ended = &mut all => break ended,
                cut = &mut cut, if why.is_none() => why = Some(cut),
            }
        }
    };
    match ended {
        Ok(Ended::Whole) => Ok(()),
        Ok(Ended::Stopped) => record.cut(why.unwrap_or(Cut::Signal)),
        Err(problem) => Err(problem),
    }
}

/// How far a probe came without a problem.
enum Ended {
    /// All was asked.
    Whole,
    /// It was to end before.
    Stopped,
}

/// All steps. The older era comes first, since most servers speak it.
async fn all(
    config: &ProbeConfig,
    record: &mut Record<'_, '_>,
    stop: &CancellationToken,
) -> Result<Ended, Problem> {
    let (reporter, mut heard) = Reporter::new();
    let http = Arc::new(client(config, record, reporter.observer())?);
    let talk = Talk { config, http, reporter, stop };
    let strategy = config.bridge.strategy;
    let legacy = talk.tour(Era::Legacy, strategy);
    let unsaid = match record.follow(&mut heard, legacy).await {
        None => return Ok(Ended::Stopped),
        Some(Err(unsaid)) => unsaid,
        // There is no modern traffic over HTTP+SSE.
        Some(Ok(())) if record.way.transport != Some(STREAMABLE_HTTP) => return Ok(Ended::Whole),
        Some(Ok(())) => {
            let modern = talk.play(Strategy::HttpOnly, tour::discover);
            let Some(greeted) = record.follow(&mut heard, modern).await else {
                return Ok(Ended::Stopped);
            };
            record
                .offers
                .protocol_versions
                .extend(greeted.into_iter().flat_map(|it| it.protocol_versions));
            record.offers.protocol_versions.dedup();
            return Ok(Ended::Whole);
        }
    };
    if strategy == Strategy::SseOnly || !unsaid.may_be_modern() {
        return Err(record.problem(unsaid));
    }
    let modern = talk.tour(Era::Modern, Strategy::HttpOnly);
    match record.follow(&mut heard, modern).await {
        None => Ok(Ended::Stopped),
        Some(Ok(())) => Ok(Ended::Whole),
        Some(Err(later)) if later.step > Step::Session => Err(record.problem(later)),
        // It speaks neither.
        Some(Err(_)) => Err(record.problem(unsaid)),
    }
}

/// Loads the files.
fn client(
    config: &ProbeConfig,
    record: &mut Record<'_, '_>,
    observer: Observer,
) -> Result<Client, Problem> {
    let begun = Instant::now();
    let remote = &config.bridge.remote;
    let tls = if remote.url.scheme() == "https" {
        let tls = ClientTls::load(config.bridge.tls.clone())
            .map_err(|report| record.fail(Entry::new(Step::Identity), Class::Tls, report))?;
        record.way.identity = tls.identity_facts();
        record.tell(certificates::identity(config, &tls).took(begun.elapsed()));
        Some(Arc::new(tls))
    } else {
        None
    };
    Client::observed(remote, tls, observer).ok_or_else(|| {
        let report = Report::new("the server URL must use http or https");
        record.fail(Entry::new(Step::Arguments), Class::Http, report)
    })
}

/// Who talks with the server.
struct Talk<'a> {
    config: &'a ProbeConfig,
    http: Arc<Client>,
    reporter: Reporter,
    stop: &'a CancellationToken,
}

impl Talk<'_> {
    /// All that is asked in one era; `None` if it was to end before.
    async fn tour(&self, era: Era, strategy: Strategy) -> Option<Result<(), Unsaid>> {
        let talk = async |script: &mut Script| tour::all(script, era, &self.reporter).await;
        self.play(strategy, talk).await
    }

    async fn play<T>(
        &self,
        strategy: Strategy,
        talk: impl AsyncFnOnce(&mut Script) -> T,
    ) -> Option<T> {
        let BridgeConfig { max_message_size, request_timeout, .. } = self.config.bridge;
        let settings =
            Settings { max_message: max_message_size, request_timeout, reinitialize: false };
        script::play(NAME, Arc::clone(&self.http), strategy, settings, self.stop, talk).await
    }
}

//! The probe: the way to a server step by step, the reason where it ends, and what the server
//! offers. It connects by the very code that the bridge has, so that what works here works there.

pub mod all;
mod certificates;
pub mod findings;
pub mod screen;
mod tour;
mod way;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::command::bridge::BridgeConfig;
use crate::command::probe::findings::Class;
use crate::command::probe::findings::Entry;
use crate::command::probe::findings::Findings;
use crate::command::probe::findings::Offers;
use crate::command::probe::findings::Problem;
use crate::command::probe::findings::Step;
use crate::command::probe::findings::Words;
use crate::command::probe::screen::Screen;
use crate::command::probe::tour::Era;
use crate::command::probe::tour::Unsaid;
use crate::command::probe::way::Way;
use crate::command::script;
use crate::command::signals::Signals;
use crate::limits;
use crate::report::Kind;
use crate::report::Report;
use crate::tls::ClientTls;
use crate::transport::fallback::STREAMABLE_HTTP;
use crate::transport::fallback::Strategy;
use crate::transport::http::Client;
use crate::transport::http::Milestone;
use crate::transport::http::Observer;
use crate::transport::http::Stop;
use crate::transport::streamable_http::Settings;

/// What servers see of us.
const NAME: &str = "mcp-secure-remote-client";

/// What is probed, and how.
#[derive(Debug)]
pub struct ProbeConfig {
    /// The server, and the way to it, as for the bridge.
    pub bridge: BridgeConfig,
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
    let mut probe = Probe {
        way: Way::new(config.bridge.remote.url.scheme() == "https"),
        entries: Vec::new(),
        screen,
    };
    let ended = match Signals::listen() {
        Ok(signals) => signals.run(|signal| probe.within(&config, signal)).await,
        // Then a signal ends it without ceremony.
        Err(_) => Some(probe.within(&config, std::future::pending()).await),
    };
    let (offers, failure) = match ended {
        Some(Ok(offers)) => (offers, None),
        Some(Err(problem)) => (Offers::default(), Some(problem)),
        None => (Offers::default(), Some(probe.cut(&Cut::Signal))),
    };
    let Probe { entries, .. } = probe;
    let warnings = entries.iter().flat_map(|entry| entry.warnings.clone()).collect();
    let findings =
        Findings { url, ok: failure.is_none(), failure, warnings, steps: entries, offers };
    screen.end(&findings);
    findings
}

/// What happens, in the order in which it does.
enum News {
    Way(Instant, Milestone),
    Step(Entry),
}

/// Why a probe is ended before its time.
enum Cut {
    Limit(Duration),
    Signal,
}

/// What was found out so far.
struct Probe<'a, 'b> {
    way: Way,
    entries: Vec<Entry>,
    screen: &'a mut Screen<'b>,
}

impl Probe<'_, '_> {
    /// Until `signal`, and as long as may be. However it ends, the session is left in good order.
    async fn within(
        &mut self,
        config: &ProbeConfig,
        signal: impl Future<Output = ()>,
    ) -> Result<Offers, Problem> {
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
            let all = self.all(config, &stop);
            tokio::pin!(all);
            loop {
                tokio::select! {
                    biased;
                    ended = &mut all => break ended,
                    cut = &mut cut, if why.is_none() => why = Some(cut),
                }
            }
        };
        ended.map_err(|problem| match (problem, why) {
            (Some(problem), _) => problem,
            (None, why) => self.cut(&why.unwrap_or(Cut::Signal)),
        })
    }

    /// No problem is told where `stop` was.
    async fn all(
        &mut self,
        config: &ProbeConfig,
        stop: &CancellationToken,
    ) -> Result<Offers, Option<Problem>> {
        let (news, mut heard) = mpsc::channel(limits::PROBE_NEWS);
        let way = news.clone();
        let observer = Observer::new(move |milestone| {
            // Who does not listen any more has what it needs.
            let _ = way.try_send(News::Way(Instant::now(), milestone));
        });
        let told = async |entry| {
            // It is heard as long as somebody talks.
            let _ = news.send(News::Step(entry)).await;
        };
        let http = Arc::new(self.client(config, observer).map_err(Some)?);
        let BridgeConfig { strategy, max_message_size, request_timeout, .. } = config.bridge;
        let settings =
            Settings { max_message: max_message_size, request_timeout, reinitialize: false };
        let legacy = {
            let (http, settings) = (Arc::clone(&http), settings.clone());
            script::play(NAME, http, strategy, settings, stop, async |script| {
                tour::all(script, Era::Legacy, &told).await
            })
        };
        match self.follow(&mut heard, legacy).await.ok_or(None)? {
            // There is no modern traffic over HTTP+SSE.
            Ok(mut offers) if self.way.transport == Some(STREAMABLE_HTTP) => {
                let (http, strategy) = (Arc::clone(&http), Strategy::HttpOnly);
                let modern = script::play(NAME, http, strategy, settings, stop, tour::discover);
                if let Ok(greeting) = self.follow(&mut heard, modern).await.ok_or(None)? {
                    offers.protocol_versions.extend(greeting.versions);
                    offers.protocol_versions.dedup();
                }
                Ok(offers)
            }
            Ok(offers) => Ok(offers),
            Err(unsaid) if strategy != Strategy::SseOnly && unsaid.may_be_modern() => {
                let (http, strategy) = (Arc::clone(&http), Strategy::HttpOnly);
                let modern = script::play(NAME, http, strategy, settings, stop, async |script| {
                    tour::all(script, Era::Modern, &told).await
                });
                match self.follow(&mut heard, modern).await.ok_or(None)? {
                    Ok(offers) => Ok(offers),
                    // It speaks neither, or it got further in the modern era.
                    Err(later) if later.step > Step::Session => Err(Some(self.problem(later))),
                    Err(_) => Err(Some(self.problem(unsaid))),
                }
            }
            Err(unsaid) => Err(Some(self.problem(unsaid))),
        }
    }

    /// Loads the files.
    fn client(&mut self, config: &ProbeConfig, observer: Observer) -> Result<Client, Problem> {
        let begun = Instant::now();
        let remote = &config.bridge.remote;
        let tls = if remote.url.scheme() == "https" {
            let tls = ClientTls::load(config.bridge.tls.clone())
                .map_err(|report| self.fail(Entry::new(Step::Identity), Class::Tls, report))?;
            let entry = certificates::identity(tls.identity_facts().as_ref(), config.warn_expiry);
            self.tell(entry.took(begun.elapsed()));
            Some(Arc::new(tls))
        } else {
            None
        };
        Client::observed(remote, tls, observer).ok_or_else(|| {
            let report = Report::new("the server URL must use http or https");
            self.fail(Entry::new(Step::Http), Class::Http, report)
        })
    }

    /// Shows what happens until `work` is done.
    async fn follow<T>(
        &mut self,
        heard: &mut mpsc::Receiver<News>,
        work: impl Future<Output = T>,
    ) -> T {
        tokio::pin!(work);
        let done = loop {
            tokio::select! {
                biased;
                Some(news) = heard.recv() => self.hear(news),
                done = &mut work => break done,
            }
        };
        while let Ok(news) = heard.try_recv() {
            self.hear(news);
        }
        done
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Way(at, milestone) => {
                if let Some(entry) = self.way.passes(milestone, at) {
                    self.tell(entry);
                }
            }
            News::Step(entry) => self.tell(entry),
        }
    }

    fn tell(&mut self, entry: Entry) {
        self.screen.step(&entry);
        self.entries.push(entry);
    }

    /// It was ended before its time.
    fn cut(&mut self, why: &Cut) -> Problem {
        let step = self.way.under_way(self.entries.iter().map(|entry| entry.step).max());
        let report = match why {
            Cut::Limit(limit) => Report::new(format!("no end of `{}` in time", step.name()))
                .cause(format!("the limit for the whole probe is {limit:?}"))
                .hint("if the server is only slow, allow more time with `--timeout`"),
            Cut::Signal => Report::new(format!("the probe was interrupted at `{}`", step.name())),
        };
        self.fail(Entry::new(step), class(step, None), report)
    }

    /// What keeps the conversation from going on.
    fn problem(&mut self, unsaid: Unsaid) -> Problem {
        let Unsaid { step, refused } = unsaid;
        let kind = refused.kind.clone();
        let kind = kind.as_deref();
        let step = match kind {
            None => step,
            Some(kind) if kind == Kind::Tls.as_str() => Step::Tls,
            Some(_) => self.way.stopped_at().unwrap_or(Step::Http),
        };
        let class = class(step, kind);
        let mut report = refused.with_versions().report;
        let late = |stop: &Stop| stop.step == way::Part::TimeLimit;
        if step == Step::Tls && self.way.stop.as_ref().is_some_and(late) {
            report.error =
                "the server accepts connections and does not answer a TLS handshake".into();
            report.hint = Some("check that this port speaks TLS, and that the server lives".into());
        }
        let mut entry = Entry::new(step);
        if let (Step::Tls, Some(facts)) = (step, self.way.unsecured.take()) {
            entry = certificates::server(entry, &facts);
        }
        self.fail(entry, class, report)
    }

    fn fail(&mut self, entry: Entry, class: Class, report: Report) -> Problem {
        let step = entry.step;
        let mut entry = entry.failed();
        self.screen.step(&entry);
        // It may have gone well at first: TLS 1.3 tells late who is not let in.
        if let Some(at) = self.entries.iter().position(|known| known.step == step) {
            let known = self.entries.remove(at);
            entry.took = known.took;
            entry.warnings = known.warnings;
            entry.facts.extend(known.facts);
        }
        self.entries.push(entry);
        Problem { step, class, report: Words(report) }
    }
}

/// What has to be mended where a step fails.
fn class(step: Step, kind: Option<&str>) -> Class {
    match step {
        Step::Identity | Step::Tls => Class::Tls,
        Step::Name => Class::Dns,
        Step::Tcp => Class::Tcp,
        Step::Proxy => Class::Proxy,
        Step::Http if kind == Some(Kind::Auth.as_str()) => Class::Auth,
        Step::Http => Class::Http,
        Step::Transport | Step::Session | Step::Lists | Step::Latency => Class::Mcp,
    }
}

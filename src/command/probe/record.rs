//! What was found out so far: it grows while the probe runs, and is shown as it does.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::command::probe::advice;
use crate::command::probe::certificates;
use crate::command::probe::findings::Class;
use crate::command::probe::findings::Entry;
use crate::command::probe::findings::Findings;
use crate::command::probe::findings::List;
use crate::command::probe::findings::Offers;
use crate::command::probe::findings::Problem;
use crate::command::probe::findings::Step;
use crate::command::probe::findings::Words;
use crate::command::probe::screen::Screen;
use crate::command::probe::tour;
use crate::command::probe::tour::Unsaid;
use crate::command::probe::way;
use crate::command::probe::way::Way;
use crate::limits;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::http::Milestone;
use crate::transport::http::Observer;
use crate::transport::http::Stop;

/// What happens, in the order in which it does.
pub(super) enum News {
    /// On the way to the server.
    Way(Instant, Milestone),
    /// A step of the conversation is done.
    Step(Entry),
    /// The server has said who it is.
    Greeted(Offers),
    /// A page of a list.
    Listed(List),
    /// All lists were read.
    AllListed {
        /// How long it took.
        took: Duration,
        /// What was odd about them.
        oddities: Vec<Report>,
    },
}

/// Tells what happens.
pub(super) struct Reporter(mpsc::Sender<News>);

impl Reporter {
    /// The other end hears it in its order.
    pub(super) fn new() -> (Self, mpsc::Receiver<News>) {
        let (news, heard) = mpsc::channel(limits::PROBE_NEWS);
        (Self(news), heard)
    }

    /// It is heard as long as somebody talks.
    pub(super) async fn tell(&self, news: News) {
        let _ = self.0.send(news).await;
    }

    /// Passes on what the transport tells, which cannot wait.
    pub(super) fn observer(&self) -> Observer {
        let news = self.0.clone();
        Observer::new(move |milestone| {
            // Who does not listen any more has what it needs.
            let _ = news.try_send(News::Way(Instant::now(), milestone));
        })
    }
}

/// Why a probe is ended before its time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// Its time is over.
    Limit(Duration),
    /// Somebody wants it to end.
    Signal,
}

/// What was found out so far.
pub(super) struct Record<'a, 'b> {
    pub(super) way: Way,
    entries: Vec<Entry>,
    pub(super) offers: Offers,
    interrupted: bool,
    screen: &'a mut Screen<'b>,
}

impl<'a, 'b> Record<'a, 'b> {
    pub(super) fn new(way: Way, screen: &'a mut Screen<'b>) -> Self {
        let (entries, offers) = (Vec::new(), Offers::default());
        Self { way, entries, offers, interrupted: false, screen }
    }

    /// Shows what happens until `work` is done.
    pub(super) async fn follow<T>(
        &mut self,
        heard: &mut mpsc::Receiver<News>,
        work: impl Future<Output = T>,
    ) -> T {
        tokio::pin!(work);
        let mut tick = tokio::time::interval(limits::PROBE_TICK);
        let done = loop {
            tokio::select! {
                biased;
                Some(news) = heard.recv() => self.hear(news),
                done = &mut work => break done,
                _ = tick.tick() => self.show_what_is_under_way(),
            }
        };
        while let Ok(news) = heard.try_recv() {
            self.hear(news);
        }
        self.screen.clear();
        done
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Way(at, milestone) => {
                if let Some(entry) = self.way.passes(milestone, at) {
                    self.tell(entry);
                }
            }
            News::Step(entry) if entry.step == Step::Session => {
                // The way was told by steps of its own.
                let took = self.way.since_told.elapsed();
                let entry = self.way.session(entry).took(took);
                self.tell(entry);
            }
            News::Step(entry) => self.tell(entry),
            News::Greeted(offers) => self.offers = offers,
            News::Listed(page) => self.offers.add(page),
            News::AllListed { took, oddities } => {
                let entry = tour::lists_entry(&self.offers.lists).took(took);
                let warn = |entry: Entry, report: &Report| entry.warn(report.line());
                self.tell(oddities.iter().fold(entry, warn));
            }
        }
        self.show_what_is_under_way();
    }

    /// A step that went well.
    pub(super) fn tell(&mut self, entry: Entry) {
        self.screen.step(&entry);
        self.entries.push(entry);
        self.way.since_told = Instant::now();
    }

    fn show_what_is_under_way(&mut self) {
        if self.entries.last().is_some_and(|entry| entry.step == Step::Latency) {
            return;
        }
        self.screen.under_way(self.under_way(), self.way.since_told.elapsed());
    }

    fn under_way(&self) -> Step {
        self.way.under_way(self.entries.iter().map(|entry| entry.step).max())
    }

    /// It was ended before its time.
    ///
    /// # Errors
    /// What was not done, unless nothing but the time of an answer is missing.
    pub(super) fn cut(&mut self, why: Cut) -> Result<(), Problem> {
        let step = self.under_way();
        self.interrupted = matches!(why, Cut::Signal);
        let report = match why {
            Cut::Limit(_) if step == Step::Latency => {
                if self.entries.last().is_some_and(|entry| entry.step != Step::Latency) {
                    let late = "no time was left to measure it; `--timeout` allows more";
                    self.tell(Entry::new(Step::Latency).warn(late));
                }
                return Ok(());
            }
            Cut::Limit(limit) => Report::new(format!("the time was over at `{}`", step.name()))
                .cause(format!("the limit for the whole probe is {limit:?}"))
                .hint(self.patience(step)),
            Cut::Signal => Report::new(format!("the probe was interrupted at `{}`", step.name())),
        };
        let entry = self.as_far_as_known(step);
        Err(self.fail(entry, class(step, None), report))
    }

    /// What to do about a server that does not answer.
    fn patience(&self, step: Step) -> String {
        let only_slow = "if the server is only slow, allow more time with `--timeout`";
        match step {
            Step::Proxy => match self.way.proxy_source() {
                Some(source) => format!(
                    "the proxy comes from `{source}`: check that one speaks there, or set `NO_PROXY`"
                ),
                None => only_slow.to_owned(),
            },
            Step::Http => format!("{only_slow}; check the path of the URL, too"),
            Step::Lists if self.pages() > limits::MANY_PAGES => format!(
                "the last list goes on after {} pages: if its server never ends it, tell its maker",
                self.pages()
            ),
            // The other steps before it have limits of their own.
            Step::Session | Step::Lists => format!(
                "{only_slow}; a proxy before the server that keeps events back looks the same \
                 (nginx: `proxy_buffering off`)"
            ),
            _ => only_slow.to_owned(),
        }
    }

    /// How many pages the list has that is read now.
    fn pages(&self) -> usize {
        self.offers.lists.last().map_or(0, |list| list.pages)
    }

    /// What keeps the conversation from going on.
    pub(super) fn problem(&mut self, unsaid: Unsaid) -> Problem {
        let Unsaid { step, refused, also } = unsaid;
        let kind = refused.kind.clone();
        let kind = kind.as_deref();
        let step = match kind {
            None => step,
            Some(kind) if kind == Kind::Tls.as_str() => Step::Tls,
            // What was said before has come through.
            Some(_) if step > Step::Session => self.way.stopped_at().unwrap_or(step),
            Some(_) => self.way.stopped_at().unwrap_or(Step::Http),
        };
        let class = class(step, kind);
        let advice = (step == Step::Session).then(|| advice::of(&refused).to_owned());
        let mut report = refused.with_versions().report;
        report.hint = report.hint.or(advice);
        if step == Step::Tls {
            self.explain_tls(kind, &mut report);
        }
        if matches!(class, Class::Tls | Class::Auth) && !self.way.has_refused_server() {
            self.way.explain_certificate(&mut report);
        }
        if matches!(class, Class::Auth | Class::Http | Class::Mcp) {
            report.hint.get_or_insert_with(|| "the log of the server says why".to_owned());
        }
        let entry = self.as_far_as_known(step);
        let entry = also.iter().fold(entry, |entry, report| entry.warn(report.line()));
        self.fail(entry, class, report)
    }

    /// A connection may end at the handshake without an error of TLS.
    fn explain_tls(&self, kind: Option<&str>, report: &mut Report) {
        let late = |stop: &Stop| stop.step == way::Part::TimeLimit;
        if self.way.stop.as_ref().is_some_and(late) {
            report.error =
                "the server accepts connections and does not answer a TLS handshake".into();
            report.hint = Some(
                "check that this port speaks TLS, and that the server lives; `--connect-timeout` \
                 allows more time"
                    .into(),
            );
        } else if kind != Some(Kind::Tls.as_str()) {
            report.error = "no secure connection to the server".into();
        }
    }

    /// What is known of a step that fails.
    fn as_far_as_known(&mut self, step: Step) -> Entry {
        let entry = Entry::new(step);
        match step {
            Step::Proxy => self.way.proxy_facts(entry),
            Step::Tls => match self.way.unsecured.take() {
                Some(facts) => certificates::server(entry, &facts),
                None => entry,
            },
            Step::Lists if !self.offers.lists.is_empty() => tour::lists_entry(&self.offers.lists),
            _ => entry,
        }
    }

    /// A step that did not go well.
    pub(super) fn fail(&mut self, entry: Entry, class: Class, report: Report) -> Problem {
        let step = entry.step;
        let mut entry = entry.failed();
        self.screen.step(&entry);
        // It may have gone well at first: TLS 1.3 tells late who is not let in.
        if let Some(at) = self.entries.iter().position(|known| known.step == step) {
            let known = self.entries.remove(at);
            entry.took = known.took;
            entry.warnings.extend(known.warnings);
            entry.facts.extend(known.facts);
        }
        self.entries.push(entry);
        Problem { step, class, report: Words(report) }
    }

    /// Shows what is to be shown at the end.
    pub(super) fn end(self, url: String, failure: Option<Problem>) -> Findings {
        let Self { entries: steps, offers, interrupted, screen, .. } = self;
        let warnings = steps.iter().flat_map(|entry| entry.warnings.clone()).collect();
        let ok = failure.is_none();
        let findings = Findings { url, ok, failure, warnings, steps, offers, interrupted };
        screen.end(&findings);
        findings
    }
}

/// What has to be mended where a step fails.
fn class(step: Step, kind: Option<&str>) -> Class {
    match step {
        Step::Arguments | Step::Identity | Step::Tls => Class::Tls,
        Step::Name => Class::Dns,
        Step::Tcp => Class::Tcp,
        Step::Proxy => Class::Proxy,
        _ if kind == Some(Kind::Auth.as_str()) => Class::Auth,
        Step::Http => Class::Http,
        // An answer of HTTP and not of MCP.
        _ if kind.is_some() => Class::Http,
        Step::Transport | Step::Session | Step::Lists | Step::Latency => Class::Mcp,
    }
}

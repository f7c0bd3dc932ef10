//! All servers of a host, probed side by side, and one table of them.

use std::future::Future;
use std::io;
use std::pin::pin;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::task::LocalSet;

use crate::command::page;
use crate::command::probe;
use crate::command::probe::ProbeConfig;
use crate::command::probe::findings::Findings;
use crate::command::probe::findings::List;
use crate::command::probe::findings::State;
use crate::command::probe::findings::Words;
use crate::command::probe::screen::Screen;
use crate::command::probe::tour::NAMELESS;
use crate::command::signals::Signals;
use crate::limits;
use crate::report::Report;

/// A server of a host.
#[derive(Debug)]
pub struct Server {
    /// What the host calls it.
    pub name: String,
    /// What is to be done with it.
    pub task: Task,
}

/// What is done with a server.
#[derive(Debug)]
pub enum Task {
    /// It is probed.
    Probe(Box<ProbeConfig>),
    /// It is not, for this reason.
    Skip(String),
    /// Its arguments are wrong, or a file that they name.
    Refuse(Report),
}

/// What was found out about a server.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What the host calls it.
    pub name: String,
    /// How it went.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How it went.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It was probed.
    Findings(Box<Findings>),
    /// It was not, for this reason.
    Skipped(String),
    /// It was not, since its arguments are wrong.
    Refused(Words),
}

impl Row {
    /// Whether it went well, or was none of ours. A warning counts with `strict`.
    pub fn is_well(&self, strict: bool) -> bool {
        match &self.outcome {
            Outcome::Findings(findings) => findings.is_well(strict),
            Outcome::Skipped(_) => true,
            Outcome::Refused(_) => false,
        }
    }

    /// Whether a signal ended it.
    pub fn is_interrupted(&self) -> bool {
        match &self.outcome {
            Outcome::Findings(findings) => findings.interrupted,
            Outcome::Skipped(reason) => reason == INTERRUPTED,
            Outcome::Refused(_) => false,
        }
    }
}

/// Why a server was not probed whose turn never came, or was cut off.
const INTERRUPTED: &str = "interrupted";

/// Probes them side by side, and shows the table. At a signal those under way end in good order, and
/// no other one begins.
pub async fn run(servers: Vec<Server>, screen: &mut Screen<'_>) -> Vec<Row> {
    let unbegun = |server: &Server| Row {
        name: server.name.clone(),
        outcome: Outcome::Skipped(INTERRUPTED.to_owned()),
    };
    let mut rows: Vec<Row> = servers.iter().map(unbegun).collect();
    let local = LocalSet::new();
    match Signals::listen() {
        Ok(signals) => {
            let all = |signal| local.run_until(side_by_side(servers, &mut rows, signal));
            // After a second signal, the rows that are done stay.
            let _: Option<()> = signals.run(all).await;
        }
        // Then a signal ends it without ceremony.
        Err(_) => {
            let never = std::future::pending();
            local.run_until(side_by_side(servers, &mut rows, never)).await;
        }
    }
    if screen.json {
        screen.object(&rows);
    } else {
        let text: String = rows.iter().map(|row| shown(row, screen)).collect();
        screen.item(&text);
    }
    rows
}

async fn one(server: Server) -> Row {
    let Server { name, task } = server;
    let outcome = match task {
        Task::Probe(config) => {
            let (mut out, mut err) = (io::sink(), io::sink());
            let mut nowhere = Screen::new(&mut out, &mut err);
            Outcome::Findings(Box::new(probe::run(*config, &mut nowhere).await))
        }
        Task::Skip(reason) => Outcome::Skipped(reason),
        Task::Refuse(report) => Outcome::Refused(Words(report)),
    };
    Row { name, outcome }
}

/// So many at a time as may be, each in a task of its own; one that ends lets the next one begin, until
/// `stop`.
async fn side_by_side(servers: Vec<Server>, rows: &mut [Row], stop: impl Future<Output = ()>) {
    let mut waiting = servers.into_iter().enumerate();
    let mut under_way = JoinSet::new();
    let mut stop = pin!(stop);
    let mut stopped = false;
    loop {
        let free = if stopped { 0 } else { limits::PROBES_AT_ONCE - under_way.len() };
        for (at, server) in waiting.by_ref().take(free) {
            under_way.spawn_local(async move { (at, one(server).await) });
        }
        tokio::select! {
            biased;
            ended = under_way.join_next() => match ended {
                Some(Ok((at, row))) => rows[at] = row,
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                None => break,
            },
            () = &mut stop, if !stopped => stopped = true,
        }
    }
}

/// Where the text of a server begins.
const TEXT_COLUMN: usize = 8;

fn shown(row: &Row, screen: &Screen<'_>) -> String {
    let (mark, lines) = match &row.outcome {
        Outcome::Findings(findings) => (screen.mark(findings.state()), told(findings)),
        Outcome::Skipped(reason) => ("-   ".to_owned(), vec![reason.clone()]),
        Outcome::Refused(Words(report)) => (screen.mark(State::Failed), words("arguments", report)),
    };
    let name = page::fold(&page::clean(&row.name), TEXT_COLUMN, screen.columns);
    let mut text = format!("  {mark}  {name}\n");
    let paragraph =
        |line: &String| page::paragraph(&page::clean(line), TEXT_COLUMN, screen.columns);
    text.extend(lines.iter().map(paragraph));
    text
}

fn told(findings: &Findings) -> Vec<String> {
    let mut lines = vec![findings.url.clone()];
    match &findings.failure {
        Some(problem) => lines.extend(words(problem.step.name(), &problem.report.0)),
        None => {
            let offers = &findings.offers;
            let name = offers.name.as_deref().unwrap_or(NAMELESS);
            let versions = offers.protocol_versions.join(", ");
            let lists: Vec<String> = offers.lists.iter().map(List::counted).collect();
            lines.push(format!("{name}, MCP {versions}; {}", lists.join(", ")));
        }
    }
    lines.extend(findings.warnings.iter().cloned());
    lines
}

fn words(step: &str, report: &Report) -> Vec<String> {
    let cause = report.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
    let hint = report.hint.iter().map(|hint| format!("hint: {hint}"));
    std::iter::once(format!("{step}: {}{cause}", report.error)).chain(hint).collect()
}

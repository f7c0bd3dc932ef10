//! All servers of a host, probed side by side, and one table of them.

use std::future::Future;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use serde::Serialize;

use crate::command::page;
use crate::command::probe;
use crate::command::probe::ProbeConfig;
use crate::command::probe::findings::Findings;
use crate::command::probe::findings::List;
use crate::command::probe::findings::Words;
use crate::command::probe::screen::Screen;
use crate::command::probe::tour::NAMELESS;
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
    /// It is not reached by this program, but in this way.
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
    /// It was not, since it is reached in this way.
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
}

/// Probes all of them at the same time, and shows the table.
pub async fn run(servers: Vec<Server>, screen: &mut Screen<'_>) -> Vec<Row> {
    let work = servers.into_iter().map(|server| -> Work { Box::pin(one(server)) }).collect();
    let rows = side_by_side(work).await;
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
        Task::Skip(how) => Outcome::Skipped(how),
        Task::Refuse(report) => Outcome::Refused(Words(report)),
    };
    Row { name, outcome }
}

type Work = Pin<Box<dyn Future<Output = Row>>>;

/// There are few of them: each one that wakes up lets all look.
async fn side_by_side(mut work: Vec<Work>) -> Vec<Row> {
    let mut rows: Vec<Option<Row>> = work.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (work, row) in work.iter_mut().zip(&mut rows).filter(|(_, row)| row.is_none()) {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                *row = Some(done);
            }
        }
        if rows.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    rows.into_iter().flatten().collect()
}

/// Where the text of a server begins.
const TEXT_COLUMN: usize = 8;

fn shown(row: &Row, screen: &Screen<'_>) -> String {
    let name = page::clean(&row.name);
    let (mark, lines) = match &row.outcome {
        Outcome::Findings(findings) => (screen.mark(findings.state()), told(findings)),
        Outcome::Skipped(how) => ("-   ".to_owned(), vec![format!("not this program: {how}")]),
        Outcome::Refused(Words(report)) => {
            (screen.mark(probe::findings::State::Failed), words("arguments", report))
        }
    };
    let mut text = format!("  {mark}  {name}\n");
    text.extend(lines.iter().map(|line| page::paragraph(&page::clean(line), TEXT_COLUMN)));
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

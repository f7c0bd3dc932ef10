//! Shows what is to change, asks, and changes it. What was asked for goes to standard output, all else to
//! standard error.

use std::io;
use std::io::BufRead;
use std::io::IsTerminal;
use std::io::Read;
use std::io::Write;
use std::process::ExitCode;

use crate::cli::block_on;
use crate::cli::finish;
use crate::cli::ide::Install;
use crate::cli::ide::Shown;
use crate::cli::ide::Sure;
use crate::cli::ide::Task;
use crate::cli::log::Format;
use crate::cli::print;
use crate::cli::resolve::Warning;
use crate::command::bridge::BridgeConfig;
use crate::command::ide;
use crate::command::ide::Applied;
use crate::command::ide::Change;
use crate::command::ide::Done;
use crate::command::ide::Listed;
use crate::command::ide::State;
use crate::command::ide::Target;
use crate::command::ide::hosts::Host;
use crate::command::ide::hosts::Scope;
use crate::command::ide::merge;
use crate::command::probe;
use crate::command::probe::ProbeConfig;
use crate::command::probe::screen::Screen;
use crate::limits;
use crate::report::Report;

/// How it ended, unless it failed.
enum End {
    Done,
    /// The user said no.
    Declined,
    /// Nobody could be asked.
    Unasked,
}

/// Does what was asked for.
pub(in crate::cli) fn run(task: Task) -> ExitCode {
    let end = match task {
        Task::List(folders) => {
            let text: String = ide::list(&folders).iter().map(listed).collect();
            // `list | head` may close the pipe early.
            let _ = io::stdout().write_all(text.as_bytes());
            Ok(End::Done)
        }
        Task::Show(shown) => show(&shown),
        Task::Install(task) => install(*task),
        Task::Remove(target, sure) => remove(target, sure),
    };
    match end {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Declined) => ExitCode::from(1),
        Ok(End::Unasked) => ExitCode::from(2),
        Err(report) => finish(Err(report), Format::Text),
    }
}

fn listed(listed: &Listed) -> String {
    let label = if listed.scope == Scope::User { listed.host.id } else { "  in a project" };
    let state = match &listed.state {
        State::NoFile => "no file".to_owned(),
        State::Ours(names) if names.is_empty() => "no server of ours".to_owned(),
        State::Ours(names) => format!("ours: {}", names.join(", ")),
        State::Unusable(cause) => format!("cannot be read: {cause}"),
    };
    format!("{label:<16}{}\n{:<16}  {state}\n", listed.path, "")
}

fn show(shown: &Shown) -> Result<End, Report> {
    let Shown { host, name, entry, file, warnings } = shown;
    let text = merge::insert(host, "", name, entry);
    let text = text.map_err(|cause| Report::new("cannot write this").cause(cause))?;
    tell(warnings);
    if let Some(file) = file {
        print(&format!("{} reads it from {file}\n", host.title));
    }
    note(host);
    say(&text)?;
    Ok(End::Done)
}

fn install(task: Install) -> Result<End, Report> {
    let Install { target, entry, probe, warnings, sure } = task;
    let (host, name) = (target.host, &target.name);
    let file = target.file.display().to_string();
    tell(&warnings);
    let plan = || ide::install(target.clone(), &entry, sure.force);
    let as_it_should_be = || say(&format!("`{name}` is in {file} already, as it should be\n"));
    if plan()?.is_none() {
        as_it_should_be()?;
        return Ok(End::Done);
    }
    if let Some(config) = probe {
        try_first(config)?;
    }
    let applied = match agreed(&target, sure, plan)? {
        Ok(Some(applied)) => applied,
        Ok(None) => {
            as_it_should_be()?;
            return Ok(End::Done);
        }
        Err(end) => return Ok(end),
    };
    match &applied.done {
        Done::Changed(backup) => {
            say(&format!("`{name}` is in {file}; what it was is in {}\n", backup.display()))?;
        }
        Done::Updated => say(&format!("`{name}` is in {file}, brought up to date\n"))?,
        _ => say(&format!("`{name}` is in {file}, which is new\n"))?,
    }
    left(name, &applied);
    note(host);
    Ok(End::Done)
}

fn remove(target: Target, sure: Sure) -> Result<End, Report> {
    let (host, name) = (target.host, &target.name);
    let file = target.file.display().to_string();
    let plan = || ide::remove(target.clone(), sure.force).map(Some);
    plan()?;
    let applied = match agreed(&target, sure, plan)? {
        Ok(Some(applied)) => applied,
        Ok(None) => return Ok(End::Done),
        Err(end) => return Ok(end),
    };
    let rest = match &applied.done {
        Done::Restored => "the file is as it was before".to_owned(),
        Done::Deleted => "the file is gone, as nothing else was in it".to_owned(),
        Done::Changed(backup) => format!("what it was is in {}", backup.display()),
        Done::Made | Done::Updated => "the file is new".to_owned(),
    };
    say(&format!("`{name}` is no longer in {file}; {rest}\n"))?;
    left(name, &applied);
    note(host);
    Ok(End::Done)
}

/// Names the older copies that hold a secret.
fn left(name: &str, applied: &Applied) {
    for copy in &applied.left {
        let copy = copy.display();
        print(&format!(
            "WARNING: {copy} holds `{name}` with its variables; remove it if you do not need it\n"
        ));
    }
}

/// Tries the server as the probe does, but for what it offers.
fn try_first(bridge: BridgeConfig) -> Result<(), Report> {
    let (limit, warn_expiry) = (limits::PROBE_TIME, limits::PROBE_EXPIRY);
    let config =
        ProbeConfig { bridge, variables: Vec::new(), warnings: Vec::new(), limit, warn_expiry };
    let (mut out, mut err) = (io::sink(), io::stderr());
    let mut failure = None;
    block_on(async {
        let mut screen = Screen::new(&mut out, &mut err);
        let findings = probe::run(config, &mut screen).await;
        failure = findings.failure.map(|problem| problem.report.0);
        if findings.interrupted && failure.is_none() {
            failure = Some(Report::new("the probe was interrupted"));
        }
        Ok(())
    })?;
    match failure {
        None => Ok(()),
        // The screen has shown why.
        Some(report) => Err(Report::new("nothing was installed, since the server cannot be used")
            .cause(report.error)
            .hint("mend that, or install it as it is with `--no-probe`")),
    }
}

/// Shows what is planned, and does it if that is wanted; `None` if nothing is to be done.
fn agreed(
    target: &Target,
    sure: Sure,
    plan: impl Fn() -> Result<Option<Change>, Report>,
) -> Result<Result<Option<Applied>, End>, Report> {
    if sure.yes {
        // Two of them at once come one after the other.
        let held = ide::hold(target)?;
        let Some(change) = plan()? else { return Ok(Ok(None)) };
        show_change(&change)?;
        return change.apply_in(&held).map(|applied| Ok(Some(applied)));
    }
    let Some(change) = plan()? else { return Ok(Ok(None)) };
    show_change(&change)?;
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        let report = Report::new("nobody can be asked whether to change the file: no terminal")
            .cause("nothing was changed")
            .hint("run the same command with `--yes`");
        print(&format!("{report}\n"));
        return Ok(Err(End::Unasked));
    }
    if !asked() {
        print("nothing was changed\n");
        return Ok(Err(End::Declined));
    }
    change.apply().map(|applied| Ok(Some(applied)))
}

fn show_change(change: &Change) -> Result<(), Report> {
    let file = change.file().display();
    if change.exposes() {
        print(&format!("WARNING: others can read {file}, and a secret comes into it\n"));
    }
    say(&format!("{file}\n{}", change.shown()))
}

fn asked() -> bool {
    print("Change the file so? [y/N] ");
    let mut line = String::new();
    let mut input = io::stdin().lock().take(limits::ANSWER_BYTES);
    let answer = input.read_line(&mut line).map(|_| line.trim().to_ascii_lowercase());
    answer.is_ok_and(|answer| answer == "y" || answer == "yes")
}

fn tell(warnings: &[Warning]) {
    for warning in warnings {
        print(&format!("{}\n", warning.text));
    }
}

fn note(host: &Host) {
    if let Some(note) = host.note {
        print(&format!("{note}\n"));
    }
}

fn say(text: &str) -> Result<(), Report> {
    let written = io::stdout().write_all(text.as_bytes());
    written.map_err(|error| Report::new("cannot write to standard output").cause(error.to_string()))
}

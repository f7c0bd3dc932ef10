//! Shows a probe where it belongs, and says by the exit code how it went.

use std::io;
use std::io::IsTerminal;
use std::process::ExitCode;

use crate::cli::block_on;
use crate::cli::logged;
use crate::cli::probe::ProbeInvocation;
use crate::cli::probe::Servers;
use crate::cli::probe::columns;
use crate::command::probe;
use crate::command::probe::all;
use crate::command::probe::all::Row;
use crate::command::probe::screen::Screen;
use crate::report::Report;

/// How it went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Well,
    /// Well, but for what `--strict` does not let pass.
    Warned,
    Failed,
    Interrupted,
}

/// 128 and the number of SIGINT, as shells have it for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Does what was asked for.
pub(in crate::cli) fn run(invocation: ProbeInvocation) -> ExitCode {
    let ProbeInvocation { servers, log, json, strict, allows_colour, is_dumb } = invocation;
    let mut verdict = Verdict::Failed;
    let code = logged(log, Vec::new(), || {
        block_on(async {
            let (mut out, mut err) = (io::stdout(), io::stderr());
            // The table is what was asked for, the steps are news on the way.
            let (is_terminal, columns, is_live) = match servers {
                Servers::All(_) => (out.is_terminal(), columns::of(&out), false),
                Servers::One(_) => (err.is_terminal(), columns::of(&err), !is_dumb),
            };
            let mut screen = Screen::new(&mut out, &mut err);
            (screen.json, screen.columns) = (json, columns);
            screen.colour = allows_colour && is_terminal;
            screen.live = is_live && is_terminal;
            verdict = shown(servers, &mut screen, strict).await;
            if verdict == Verdict::Warned && !json {
                let _ = writeln!(screen.err, "a warning is a failure with `--strict`: exit code 1");
            }
            if screen.lost { Err(Report::new("cannot write to standard output")) } else { Ok(()) }
        })
    });
    match verdict {
        Verdict::Well => code,
        Verdict::Warned | Verdict::Failed => ExitCode::from(1),
        Verdict::Interrupted => ExitCode::from(INTERRUPTED),
    }
}

async fn shown(servers: Servers, screen: &mut Screen<'_>, strict: bool) -> Verdict {
    match servers {
        Servers::All(servers) => {
            let rows = all::run(servers, screen).await;
            let is_well = |strict| rows.iter().all(|row| row.is_well(strict));
            verdict(is_well, strict, rows.iter().any(Row::is_interrupted))
        }
        Servers::One(config) => {
            let findings = probe::run(*config, screen).await;
            verdict(|strict| findings.is_well(strict), strict, findings.interrupted)
        }
    }
}

fn verdict(is_well: impl Fn(bool) -> bool, strict: bool, interrupted: bool) -> Verdict {
    match (interrupted, is_well(false), is_well(strict)) {
        (true, ..) => Verdict::Interrupted,
        (_, _, true) => Verdict::Well,
        (_, true, false) => Verdict::Warned,
        (_, false, false) => Verdict::Failed,
    }
}

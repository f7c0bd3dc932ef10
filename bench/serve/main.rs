//! What `serve` costs, beside the least that is possible and beside others that do the same:
//! `cargo bench --bench serve -- [--awake] [--quick] [--rounds N] [--only NAME] [--program PATH]
//! [--peers FOLDER]`.
//!
//! ```text
//! main --> measure (one subject, one round) --> subject (a server process), session (its clients)
//!   |                                             |  spawned again from this very program:
//!   |                                             +--> bare     axum that answers by itself
//!   |                                             +--> plain    carries lines to a child, and nothing else
//!   |                                             +--> accept   handshakes alone
//!   |                                             +--> pipe     the stdio server behind all of them
//!   +--> report (tables) --> target (what has to be reached)
//! ```

#![allow(clippy::disallowed_methods, reason = "this program measures real time, and runs servers")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to people")]

#[cfg(target_os = "linux")]
mod accept;
#[cfg(target_os = "linux")]
#[path = "../awake.rs"]
mod awake;
#[cfg(target_os = "linux")]
mod bare;
#[cfg(target_os = "linux")]
#[path = "../bound.rs"]
mod bound;
#[cfg(target_os = "linux")]
#[path = "../call.rs"]
#[allow(dead_code, reason = "the bench of the bridge asks for more")]
mod call;
#[cfg(target_os = "linux")]
mod figure;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod front;
#[cfg(target_os = "linux")]
mod link;
#[cfg(target_os = "linux")]
#[path = "../machine.rs"]
mod machine;
#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
#[path = "../number.rs"]
mod number;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
#[path = "../pipe.rs"]
mod pipe;
#[cfg(target_os = "linux")]
mod piped;
#[cfg(target_os = "linux")]
mod plain;
#[cfg(target_os = "linux")]
#[path = "../process.rs"]
#[allow(dead_code, reason = "the bench of the bridge asks for more")]
mod process;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod running;
#[cfg(target_os = "linux")]
mod session;
#[cfg(target_os = "linux")]
mod subject;
#[cfg(target_os = "linux")]
#[path = "../table.rs"]
mod table;
#[cfg(target_os = "linux")]
mod target;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    run::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("SKIPPED: CPU and memory of other processes are read in the way of Linux");
}

//! What the bridge costs, beside the least that is possible and beside the tool that it replaces:
//! `cargo bench --bench bridge -- [--awake] [--quick] [--rounds N] [--program PATH] [--original PATH]`.
//!
//! ```text
//! main --> measure (one subject, one round) --> subject (a child process), process (its CPU, memory)
//!   |                                             |  spawned again from this very program:
//!   |                                             +--> server   an MCP server behind mutual TLS
//!   |                                             +--> bare     a client without any bridge
//!   |                                             +--> pipe     a stdio server without any network
//!   +--> awake (keeps the cores from sleeping)
//!   +--> report (tables) --> target (what has to be reached)
//! ```

#![allow(clippy::disallowed_methods, reason = "this program measures real time, on threads")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to people")]

#[cfg(target_os = "linux")]
mod awake;
#[cfg(target_os = "linux")]
mod bare;
#[cfg(target_os = "linux")]
mod bound;
#[cfg(target_os = "linux")]
mod call;
#[cfg(target_os = "linux")]
mod figure;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
mod number;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod pipe;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod subject;
#[cfg(target_os = "linux")]
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

//! The program: parse, run, exit code.

use std::process::ExitCode;

use mcp_secure_remote::cli;
use mcp_secure_remote::cli::environment::Environment;

fn main() -> ExitCode {
    cli::run_by_name(std::env::args_os(), &Environment::of_process())
}

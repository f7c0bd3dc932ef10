//! The probe under the name that its users know.

use std::process::ExitCode;

use mcp_secure_remote::cli;
use mcp_secure_remote::cli::environment::Environment;

fn main() -> ExitCode {
    cli::run_probe(std::env::args_os(), &Environment::of_process())
}

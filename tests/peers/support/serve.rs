//! Our own server, as an operator starts it.

use std::process::Command;

use super::bridge;
use super::process::Server;

/// Puts a command that speaks stdio on a free port of 127.0.0.1.
pub(crate) fn start(flags: &[String], command: &Command) -> Server {
    let mut serve = Command::new(bridge::program());
    serve.arg("serve").args(["--debug", "--listen", "127.0.0.1:0"]).args(flags);
    serve.arg("--").arg(command.get_program()).args(command.get_args());
    Server::start_when(serve, |line| {
        let (_, address) = line.split_once("listening on ")?;
        let (_, port) = address.rsplit_once(':')?;
        port.split('/').next()?.parse().ok()
    })
}

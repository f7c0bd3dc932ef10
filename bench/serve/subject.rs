//! Who is measured: servers that are called over HTTP, and a child that is called through pipes.

use std::path::Path;
use std::process::Command;

use crate::options::Options;
use crate::run::Fault;
use crate::session::Era;

/// What a subject is, apart from how it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// axum, which answers by itself.
    Bare,
    /// A stdio server, called directly.
    Pipe,
    /// A `serve` without features.
    Plain,
    /// The program.
    Ours,
    /// The program, with requests of the era without sessions.
    Modern,
    /// A loop that makes handshakes.
    Accept,
    /// The program in clear text.
    Clear,
    /// supergateway, in clear text.
    Supergateway,
    /// mcp-proxy for Python, in clear text.
    McpProxy,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) is_http2: bool,
}

const fn h1(kind: Kind) -> Subject {
    Subject { kind, is_http2: false }
}

const fn h2(kind: Kind) -> Subject {
    Subject { kind, is_http2: true }
}

impl Subject {
    /// What is spoken to in clear text, in the order of the columns.
    pub(crate) const CLEAR: [Self; 3] =
        [h1(Kind::Clear), h1(Kind::Supergateway), h1(Kind::McpProxy)];
    /// The others, likewise.
    pub(crate) const SECURE: [Self; 10] = [
        h2(Kind::Bare),
        h1(Kind::Bare),
        h1(Kind::Pipe),
        h1(Kind::Accept),
        h2(Kind::Plain),
        h1(Kind::Plain),
        h2(Kind::Ours),
        h1(Kind::Ours),
        h2(Kind::Modern),
        h1(Kind::Modern),
    ];

    /// For tables.
    pub(crate) fn name(self) -> String {
        let name = match self.kind {
            Kind::Bare => "bare",
            Kind::Pipe => return "pipe".to_owned(),
            Kind::Plain => "plain",
            Kind::Ours => "ours",
            Kind::Modern => "modern",
            Kind::Accept => return "accept".to_owned(),
            Kind::Clear => return "ours".to_owned(),
            Kind::Supergateway => return "supergateway".to_owned(),
            Kind::McpProxy => return "mcp-proxy".to_owned(),
        };
        format!("{name} {}", if self.is_http2 { "h2" } else { "h1" })
    }

    /// The same over the same HTTP version, but another kind.
    pub(crate) fn but(self, kind: Kind) -> Self {
        let is_versioned = !matches!(kind, Kind::Pipe | Kind::Accept);
        Self { kind, is_http2: self.is_http2 && is_versioned }
    }

    /// Whether it is the program, in whichever way it is used.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self.kind, Kind::Ours | Kind::Modern | Kind::Clear)
    }

    /// Whether it is worth less measuring, as it takes some ten times as long.
    pub(crate) fn is_slow(self) -> bool {
        matches!(self.kind, Kind::Supergateway | Kind::McpProxy)
    }

    /// Whether it has TLS.
    pub(crate) fn is_secure(self) -> bool {
        !self.is_slow() && self.kind != Kind::Clear
    }

    /// What its clients speak.
    pub(crate) fn era(self) -> Era {
        if self.kind == Kind::Modern { Era::Modern } else { Era::Legacy }
    }

    /// Whether it can be measured here; if not, what is missing.
    pub(crate) fn missing(self, options: &Options) -> Option<String> {
        let needed = match self.kind {
            Kind::Supergateway => options.supergateway(),
            Kind::McpProxy => options.mcp_proxy(),
            _ => return None,
        };
        (!needed.is_file()).then(|| format!("{} is not installed", needed.display()))
    }

    /// How it is started.
    pub(crate) fn command(self, options: &Options, folder: &Path) -> Result<Command, Fault> {
        let me = std::env::current_exe()?;
        let role = |name: &str| {
            let mut command = Command::new(&me);
            command.arg(name).arg(folder);
            command
        };
        Ok(match self.kind {
            Kind::Accept => role("accept"),
            Kind::Bare => role("bare"),
            Kind::Plain => role("plain"),
            Kind::Clear | Kind::Modern | Kind::Ours => {
                let mut command = self.ours(options, folder);
                command.arg("--").arg(&me).arg("pipe");
                command
            }
            Kind::Supergateway => {
                let mut command = Command::new("node");
                command.arg("-r").arg(options.loopback()).arg(options.supergateway());
                command.args(["--outputTransport", "streamableHttp", "--stateful"]);
                command.args(["--logLevel", "none", "--port", "0", "--stdio"]);
                command.arg(format!("{} pipe", me.display()));
                command
            }
            Kind::McpProxy => {
                let mut command = Command::new(options.mcp_proxy());
                command.args(["--host", "127.0.0.1", "--port", "0"]).arg(&me).arg("pipe");
                command
            }
            Kind::Pipe => return Err("it has no server".into()),
        })
    }

    /// The program with limits that nothing here comes near.
    fn ours(self, options: &Options, folder: &Path) -> Command {
        let mut command = Command::new(&options.program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--max-message-size", "128MiB"]);
        command.args(["--max-connections", "4000", "--max-sessions", "4000"]);
        command.args(["--max-sessions-per-client", "4000", "--max-starting", "64"]);
        if self.is_secure() {
            command.arg("--tls-cert").arg(folder.join("server.pem"));
            command.arg("--tls-key").arg(folder.join("server.key"));
            command.arg("--tls-client-ca").arg(folder.join("ca.pem"));
        }
        command
    }
}

//! Remotes: a server that others wrote, behind mutual TLS.

use std::process::Command;

use super::front;
use super::install;
use super::install::Python;
use super::pki::Pki;
use super::process;
use super::process::Server;
use super::serve;

/// The wire of a server.
#[derive(Clone, Copy)]
pub(crate) enum Wire {
    /// Streamable HTTP.
    Http,
    /// HTTP+SSE.
    Sse,
}

impl Wire {
    fn path(self) -> &'static str {
        match self {
            Self::Http => "/mcp",
            Self::Sse => "/sse",
        }
    }
}

/// A server that demands a client certificate.
pub(crate) struct Remote {
    pub(crate) url: String,
    pub(crate) pki: Pki,
    /// The server itself.
    pub(crate) server: Server,
    /// What terminates TLS, unless the server does.
    pub(crate) front: Option<Server>,
}

impl Remote {
    /// Our small server on the Python SDK 2.x, both eras, with TLS of its own (OpenSSL).
    pub(crate) fn python_v2(wire: Wire) -> Option<Self> {
        Self::python_v2_with(wire, &[])
    }

    /// The same with flags of `serve.py`.
    pub(crate) fn python_v2_with(wire: Wire, flags: &[&str]) -> Option<Self> {
        Self::python(Python::V2, "server_python_v2.py", wire, flags)
    }

    /// A small server on the Python SDK 2.x that lets in whoever has one of two bearer tokens.
    pub(crate) fn python_v2_with_tokens() -> Option<Self> {
        Self::python(Python::V2, "server_python_tokens.py", Wire::Http, &[])
    }

    /// What the conformance suite asks a server for, on the Python SDK 2.x: all kinds of lists.
    pub(crate) fn fixture_python_v2() -> Option<Self> {
        Self::python(Python::V2, "fixture_python_v2.py", Wire::Http, &[])
    }

    /// The same on the SDK 1.x, legacy era alone.
    pub(crate) fn python_v1(wire: Wire) -> Option<Self> {
        Self::python_v1_with(wire, &[])
    }

    /// The same with flags of `serve.py`.
    pub(crate) fn python_v1_with(wire: Wire, flags: &[&str]) -> Option<Self> {
        Self::python(Python::V1, "server_python_v1.py", wire, flags)
    }

    /// Our small server on the TypeScript SDK v2, without sessions, with TLS of its own (Node).
    pub(crate) fn typescript_v2() -> Option<Self> {
        Self::typescript("server_typescript_v2.mjs", Wire::Http, &[])
    }

    /// The same, which speaks the modern era alone.
    pub(crate) fn typescript_v2_modern() -> Option<Self> {
        Self::typescript("server_typescript_v2.mjs", Wire::Http, &["reject"])
    }

    /// A server on the TypeScript SDK v1 whose lists are awkward, with TLS of its own (Node).
    pub(crate) fn typescript_v1(wire: Wire) -> Option<Self> {
        Self::typescript("server_typescript_v1.mjs", wire, &[])
    }

    /// server-everything behind a TLS front on Node.
    pub(crate) fn everything(wire: Wire) -> Option<Self> {
        let server = everything(wire)?;
        Self::behind(front::node, server, wire)
    }

    /// server-everything behind nginx.
    pub(crate) fn everything_behind_nginx(wire: Wire) -> Option<Self> {
        let server = everything(wire)?;
        Self::behind(front::nginx, server, wire)
    }

    /// server-everything behind haproxy.
    pub(crate) fn everything_behind_haproxy(wire: Wire) -> Option<Self> {
        let server = everything(wire)?;
        Self::behind(front::haproxy, server, wire)
    }

    /// server-everything behind stunnel.
    pub(crate) fn everything_behind_stunnel(wire: Wire) -> Option<Self> {
        let server = everything(wire)?;
        Self::behind(front::stunnel, server, wire)
    }

    /// Our small server on the Python SDK 2.x behind nginx.
    pub(crate) fn python_v2_behind_nginx(wire: Wire) -> Option<Self> {
        let mut command = Python::V2.driver("server_python_v2.py")?;
        command.arg(wire_name(wire));
        Self::behind(front::nginx, Server::start(command), wire)
    }

    /// server-everything, which speaks stdio here, behind our own server.
    pub(crate) fn everything_behind_serve(wire: Wire) -> Option<Self> {
        let mut command = install::node_package(install::EVERYTHING)?;
        command.arg("stdio");
        Some(Self::behind_serve(&command, wire))
    }

    /// Our small server on the Python SDK 2.x, which speaks stdio here, behind our own server.
    pub(crate) fn python_v2_behind_serve(wire: Wire) -> Option<Self> {
        Some(Self::behind_serve(&python_v2_on_stdio()?, wire))
    }

    /// This command behind our own server with mutual TLS.
    pub(crate) fn behind_serve(command: &Command, wire: Wire) -> Self {
        let pki = Pki::new();
        let files = [
            ("--tls-cert", &pki.server.certificate),
            ("--tls-key", &pki.server.key),
            ("--tls-client-ca", &pki.ca),
        ];
        let flags = files.map(|(flag, file)| [flag.to_owned(), file.display().to_string()]);
        let server = serve::start(&flags.concat(), command);
        Self::with_its_own_tls(pki, server, wire)
    }

    /// server-everything behind our own server without TLS, and that behind nginx, under a path.
    pub(crate) fn everything_behind_serve_and_nginx(wire: Wire, prefix: &str) -> Option<Self> {
        let mut command = install::node_package(install::EVERYTHING)?;
        command.arg("stdio");
        let server = serve::start(&["--path-prefix".to_owned(), prefix.to_owned()], &command);
        let mut remote = Self::behind(front::nginx, server, wire)?;
        remote.url = remote.url.replace(wire.path(), &format!("{prefix}{}", wire.path()));
        Some(remote)
    }

    fn typescript(script: &str, wire: Wire, words: &[&str]) -> Option<Self> {
        let pki = Pki::new();
        let mut command = install::node_driver(script)?;
        command.arg(&pki.server.certificate).arg(&pki.server.key).arg(&pki.ca).args(words);
        Some(Self::with_its_own_tls(pki, Server::start(command), wire))
    }

    fn python(python: Python, script: &str, wire: Wire, flags: &[&str]) -> Option<Self> {
        let pki = Pki::new();
        let mut command = python.driver(script)?;
        command.env("PORT", process::lasting_port().to_string()).arg(wire_name(wire)).args(flags);
        command.arg("--certificate").arg(&pki.server.certificate);
        command.arg("--key").arg(&pki.server.key).arg("--client-ca").arg(&pki.ca);
        Some(Self::with_its_own_tls(pki, Server::start(command), wire))
    }

    fn with_its_own_tls(pki: Pki, server: Server, wire: Wire) -> Self {
        let url = format!("https://127.0.0.1:{}{}", server.port, wire.path());
        Self { url, pki, server, front: None }
    }

    fn behind(front: fn(&Pki, u16) -> Option<Server>, server: Server, wire: Wire) -> Option<Self> {
        let pki = Pki::new();
        let front = front(&pki, server.port)?;
        let url = format!("https://localhost:{}{}", front.port, wire.path());
        Some(Self { url, pki, server, front: Some(front) })
    }
}

/// Our small server on the Python SDK 2.x, on its standard input and output.
pub(crate) fn python_v2_on_stdio() -> Option<Command> {
    let mut command = Python::V2.driver("server_python_v2.py")?;
    command.arg("stdio");
    Some(command)
}

fn wire_name(wire: Wire) -> &'static str {
    match wire {
        Wire::Http => "http",
        Wire::Sse => "sse",
    }
}

fn everything(wire: Wire) -> Option<Server> {
    let mut command = install::node_package(install::EVERYTHING)?;
    command.env("PORT", process::lasting_port().to_string()).arg(match wire {
        Wire::Http => "streamableHttp",
        Wire::Sse => "sse",
    });
    Some(Server::start(command))
}

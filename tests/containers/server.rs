//! Certificates, and a server on this machine that demands them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tempfile::TempDir;

use super::engine::LIMIT;
use super::support::process;
use super::support::process::Server;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-secure-remote");

/// `serve` with the server of the demonstration behind it.
pub(crate) struct Remote {
    folder: TempDir,
    server: Server,
}

impl Remote {
    pub(crate) fn start() -> Self {
        let folder = certificates();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let mut command = Command::new(PROGRAM);
        command.env_clear().args([
            "serve",
            "--listen=127.0.0.1:0",
            "--tls-cert",
            &file("server.crt"),
        ]);
        command.args(["--tls-key", &file("server.key"), "--tls-client-ca", &file("ca.crt")]);
        command.args(["--", PROGRAM, "demo", "--stdio"]);
        let server = Server::start_when(command, |line| {
            let (_, rest) = line.split_once("listening on https://127.0.0.1:")?;
            rest.split('/').next()?.parse().ok()
        });
        Self { folder, server }
    }

    /// The endpoint under this name of this machine.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("https://{name}:{}/mcp", self.server.port)
    }

    /// Where its certificates lie.
    pub(crate) fn folder(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// The words of `docker run` that mount the certificates and name them by variables.
    pub(crate) fn certificates(&self) -> Vec<String> {
        let mut words = vec!["-v".to_owned(), format!("{}:/certs:ro", self.folder())];
        for (variable, file) in [
            ("MCP_REMOTE_TLS_CA", "ca.crt"),
            ("MCP_REMOTE_TLS_CERT", "client.crt"),
            ("MCP_REMOTE_TLS_KEY", "client.key"),
        ] {
            words.extend(["-e".to_owned(), format!("{variable}=/certs/{file}")]);
        }
        words
    }

    /// Waits for this text in the log of the server.
    pub(crate) fn logs(&self, text: &str) -> bool {
        self.server.logs(text)
    }
}

/// Certificates that everybody may read: the user of the image is nobody here.
pub(crate) fn certificates() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["certs", "--host", "remote.example", "--output"]).arg(folder.path());
    assert_eq!(process::run(command, "", LIMIT).code, Some(0));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for file in fs::read_dir(folder.path()).unwrap() {
        fs::set_permissions(file.unwrap().path(), fs::Permissions::from_mode(0o644)).unwrap();
    }
    folder
}

//! Hosts that others wrote, driven by the scripts in `drivers/`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::bridge;
use super::bridge::Witness;
use super::install;
use super::install::Python;
use super::pki::Pki;
use super::process;
use super::remote::Remote;

/// For a whole tour; one takes 2 to 4 s on an idle machine.
const LIMIT: Duration = Duration::from_secs(90);

/// A client SDK; where it can choose, the text says how it finds the era.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Host {
    PythonV2(&'static str),
    PythonV1,
    TypeScriptV2(&'static str),
    TypeScriptV1,
}

/// What a host saw on its tour, as its driver reports it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Seen {
    pub(crate) protocol: String,
    pub(crate) server: String,
    pub(crate) tools: Vec<String>,
    /// What the one call to a server with tools of its own said.
    pub(crate) answer: String,
    /// A text with every awkward character came back unchanged.
    pub(crate) echo: bool,
    /// So did one of 320 kB.
    pub(crate) large: bool,
    pub(crate) progress: Vec<f64>,
    /// The answer to a call of an unknown tool.
    pub(crate) error: String,
    /// Right answers among 16 concurrent calls.
    pub(crate) concurrent: u32,
    pub(crate) sampled: String,
    pub(crate) elicited: String,
    /// A call was given up; the server noticed, where it can tell, and still answers.
    pub(crate) cancelled: bool,
    /// A change of the list of tools was announced outside of any call.
    pub(crate) announced: bool,
    pub(crate) roots_asked: bool,
    /// The tour ended without an exception.
    pub(crate) finished: bool,
    /// Exit codes of the bridges that ended by themselves.
    #[serde(skip)]
    pub(crate) exits: Vec<i32>,
    /// What bridge and driver wrote to standard error.
    #[serde(skip)]
    pub(crate) stderr: String,
}

impl Host {
    /// Tours this remote through the bridge.
    pub(crate) fn tour(self, remote: &Remote, flags: &[&str]) -> Option<Seen> {
        self.tour_of(bridge::words(remote, flags), remote.pki.folder.path())
    }

    /// Tours what this command serves on its standard input and output.
    pub(crate) fn tour_of(self, words: Vec<String>, folder: &Path) -> Option<Seen> {
        let witness = Witness::new(folder);
        let mut driver = self.driver()?;
        driver.args(witness.wrap(words));
        let mut seen = report(driver);
        seen.exits = witness.codes();
        Some(seen)
    }

    /// Tours the server at this URL without any bridge, over HTTP or over HTTPS with the client
    /// certificate of this PKI.
    pub(crate) fn visit(self, url: &str, pki: Option<&Pki>) -> Option<Seen> {
        let mut driver = self.driver()?;
        driver.arg(url);
        if let Some(pki) = pki {
            driver.env("PEER_CA", &pki.ca).env("PEER_KEY", &pki.client.key);
            driver.env("PEER_CERTIFICATE", &pki.client.certificate);
        }
        Some(report(driver))
    }

    fn driver(self) -> Option<Command> {
        match self {
            Self::PythonV2(mode) => with(Python::V2.driver("host_python_v2.py"), mode),
            Self::PythonV1 => Python::V1.driver("host_python_v1.py"),
            Self::TypeScriptV2(mode) => with(install::node_driver("host_typescript_v2.mjs"), mode),
            Self::TypeScriptV1 => install::node_driver("host_typescript_v1.mjs"),
        }
    }
}

impl Seen {
    /// Everything that the drivers try worked, and the bridge ended by itself with exit code 0.
    pub(crate) fn assert_whole_tour(&self) {
        self.assert_tour();
        assert_eq!(self.exits, [0], "the bridge did not end by itself\n{}", self.stderr);
    }

    /// Everything that the drivers try worked.
    pub(crate) fn assert_tour(&self) {
        assert!(self.finished, "{self:?}\n{}", self.stderr);
        assert!(self.echo, "{self:?}");
        assert!(self.large, "{self:?}");
        assert_eq!(self.progress, [1.0, 2.0, 3.0]);
        assert!(self.error.contains("no-such-tool"), "{}", self.error);
        assert_eq!(self.concurrent, 16);
        assert!(self.sampled.contains("the model answers"), "{}", self.sampled);
        assert!(self.elicited.contains("Name: Ada"), "{}", self.elicited);
        assert!(self.cancelled);
        let can_announce = self.tools.iter().any(|tool| tool == "announce");
        assert_eq!(self.announced, can_announce);
    }
}

fn report(driver: Command) -> Seen {
    let done = process::run(driver, "", LIMIT);
    let report = done.stdout.lines().last().unwrap_or_default();
    let mut seen: Seen = serde_json::from_str(report)
        .unwrap_or_else(|error| panic!("{error}: {report}\n{}", done.stderr));
    seen.stderr = done.stderr;
    seen
}

fn with(driver: Option<Command>, mode: &str) -> Option<Command> {
    let mut driver = driver?;
    driver.arg(mode);
    Some(driver)
}

//! What was typed, and how much is measured.

use std::path::Path;
use std::path::PathBuf;

use crate::run::Fault;
use crate::subject::Subject;

/// What to measure.
pub(crate) struct Options {
    /// The program under test.
    pub(crate) program: PathBuf,
    /// Where other programs are installed.
    peers: PathBuf,
    /// Keep the cores from sleeping.
    pub(crate) awake: bool,
    /// How often everything is measured.
    pub(crate) rounds: usize,
    /// The one subject that is measured.
    pub(crate) only: Option<String>,
    /// How much in one round.
    pub(crate) amount: Amount,
}

/// How much is measured of one subject in one round.
#[derive(Clone, Copy)]
pub(crate) struct Amount {
    /// Calls one after the other.
    pub(crate) calls: usize,
    /// Calls with 64 in flight.
    pub(crate) flood: usize,
    /// Connections one after the other, some at a time.
    pub(crate) connections: usize,
    /// Connections and sessions that do nothing.
    pub(crate) idle: usize,
}

impl Amount {
    const FULL: Self = Self { calls: 2000, flood: 12_800, connections: 2000, idle: 2000 };
    const QUICK: Self = Self { calls: 500, flood: 3200, connections: 400, idle: 300 };

    /// For a subject that takes some ten times as long.
    pub(crate) fn for_slow_subjects(self) -> Self {
        Self { calls: self.calls / 5, flood: self.flood / 5, ..self }
    }
}

impl Options {
    /// Reads the command line.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, Fault> {
        let mut options = Self {
            program: env!("CARGO_BIN_EXE_mcp-secure-remote").into(),
            peers: root().join("target/peers"),
            awake: false,
            rounds: 5,
            only: None,
            amount: Amount::FULL,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("`{word}` needs a value"));
            match *word {
                "--quick" => (options.rounds, options.amount) = (2, Amount::QUICK),
                "--awake" => options.awake = true,
                "--rounds" => options.rounds = value()?.parse()?,
                "--only" => options.only = Some(known(value()?)?),
                "--program" => options.program = value()?.into(),
                "--peers" => options.peers = value()?.into(),
                "--bench" => {} // said by `cargo bench`
                other => return Err(format!("unknown argument `{other}`").into()),
            }
        }
        Ok(options)
    }

    /// The script of supergateway.
    pub(crate) fn supergateway(&self) -> PathBuf {
        self.peers.join("supergateway/node_modules/supergateway/dist/index.js")
    }

    /// mcp-proxy.
    pub(crate) fn mcp_proxy(&self) -> PathBuf {
        self.peers.join("mcp-proxy/bin/mcp-proxy")
    }

    /// Binds a Node server that names no address to loopback, and tells its port.
    pub(crate) fn loopback(&self) -> PathBuf {
        root().join("tests/peers/drivers/loopback.cjs")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn known(name: &str) -> Result<String, Fault> {
    let all = Subject::SECURE.into_iter().chain(Subject::CLEAR);
    let names: Vec<String> = all.map(Subject::name).collect();
    if names.iter().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    Err(format!("`--only` takes one of: {}", names.join(", ")).into())
}

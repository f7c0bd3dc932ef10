//! Runs the probe to its end.

use std::ffi::OsStr;
use std::process::Command;
use std::process::Stdio;
use std::sync::LazyLock;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use serde_json::Value;

use crate::support::pki::Ca;
use crate::support::pki::Leaf;
use crate::support::pki::write;

/// The program.
pub(crate) const PROBE: &str = env!("CARGO_BIN_EXE_mcp-secure-remote-client");

/// A command line and an environment, which holds nothing that is not put in here.
pub(crate) struct Probing(Command);

/// What a probe has said.
#[derive(Debug)]
pub(crate) struct Probed {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Probing {
    pub(crate) fn of(url: &str) -> Self {
        let mut command = Command::new(PROBE);
        command.arg(url).env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
        Self(command)
    }

    /// Of all servers in the configuration of a host.
    pub(crate) fn all(file: &str) -> Self {
        let mut command = Command::new(PROBE);
        command.args(["--all", file]).env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
        Self(command)
    }

    /// Of `https://localhost` with this port, trusting `ca`, as the client `leaf`. The files are gone
    /// when the probe has ended.
    pub(crate) fn secure(port: u16, ca: &Ca, leaf: Option<&Leaf>) -> (Self, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut probing = Self::of(&format!("https://localhost:{port}/mcp"));
        probing = probing.arg("--tls-ca").arg(write(&folder, "ca.crt", ca.pem()));
        if let Some(leaf) = leaf {
            let key = write(&folder, "client.key", leaf.key.serialize_pem());
            let certificate = write(&folder, "client.crt", leaf.chain_pem());
            probing = probing.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key);
        }
        (probing, folder)
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Its standard output goes there.
    pub(crate) fn into(mut self, file: std::fs::File) -> Self {
        self.0.stdout(file);
        self
    }

    pub(crate) fn run(self) -> Probed {
        self.run_and(|_| {})
    }

    /// Does something with its process while it runs. One that does not end is killed, and has no exit
    /// code then.
    pub(crate) fn run_and(mut self, meanwhile: impl FnOnce(Pid)) -> Probed {
        let child = self.0.stderr(Stdio::piped()).spawn().expect("the probe starts");
        let pid = Pid::from_child(&child);
        let (ended, end) = mpsc::channel::<()>();
        let guard = std::thread::spawn(move || {
            if end.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
                kill_process(pid, Signal::KILL).unwrap();
            }
        });
        meanwhile(pid);
        let output = child.wait_with_output().unwrap();
        drop(ended);
        guard.join().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Probed { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The one object of `--json`.
    pub(crate) fn json(self) -> (Option<i32>, Value) {
        let probed = self.arg("--json").run();
        assert_eq!(probed.err, "");
        let object = serde_json::from_str(&probed.out);
        let object: Value = object.unwrap_or_else(|error| panic!("{error}: {}", probed.out));
        let rows = object.as_array().map(|rows| rows.iter().map(|row| &row["findings"]));
        for findings in rows.into_iter().flatten().chain([&object]).filter(|it| it.is_object()) {
            if let Err(error) = schema().validate(findings) {
                panic!("{error} at {}: {findings:#}", error.instance_path());
            }
        }
        (probed.code, object)
    }

    /// Fails at `step` with something of this `class`; the cause and the hint say this.
    #[track_caller]
    pub(crate) fn fails(self, step: &str, class: &str, cause: &str, hint: &str) -> Value {
        let (code, found) = self.json();
        let failure = &found["failure"];
        assert_eq!(code, Some(1), "{found:#}");
        assert_eq!(
            (&failure["step"], &failure["class"]),
            (&step.into(), &class.into()),
            "{found:#}"
        );
        // Some have nothing but the first line, which is the cause then.
        let told = format!("{}: {}", failure["error"], failure["cause"]);
        assert!(told.contains(cause), "`{cause}` is not in {told}");
        let told = failure["hint"].as_str().unwrap_or_default();
        assert!(told.contains(hint), "`{hint}` is not in {told}");
        let last = found["steps"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["step"], &last["state"]), (&step.into(), &"failed".into()), "{found:#}");
        found
    }
}

/// What is promised of `--json`.
fn schema() -> &'static jsonschema::Validator {
    static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let text = include_str!("../../../docs/probe.schema.json");
        jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
    });
    &SCHEMA
}

/// The facts of a step.
#[track_caller]
pub(crate) fn facts<'a>(found: &'a Value, step: &str) -> &'a Value {
    let steps = found["steps"].as_array().unwrap();
    let fits = |entry: &&Value| entry["step"] == step;
    &steps.iter().find(fits).unwrap_or_else(|| panic!("no `{step}` in {found:#}"))["facts"]
}

//! The probe, as people and scripts start it, and what it found.

use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use super::bridge;
use super::pki::Identity;
use super::process;
use super::process::Finished;
use super::remote::Remote;

/// For one probe of a remote on this machine; a proxy may try for seconds to reach a server that is
/// down.
const LIMIT: Duration = Duration::from_secs(60);

/// A command line of the probe.
#[derive(Clone)]
pub(crate) struct Probing(Vec<String>);

impl Probing {
    /// Of this remote, with the client certificate that it trusts.
    pub(crate) fn of(remote: &Remote) -> Self {
        Self::with(remote, &remote.pki.client)
    }

    /// The same with another certificate.
    pub(crate) fn with(remote: &Remote, client: &Identity) -> Self {
        Self(bridge::words_as(remote, client, &[])).by(PROBE)
    }

    /// The same without one.
    pub(crate) fn without_certificate(remote: &Remote) -> Self {
        Self(bridge::words(remote, &[])[..4].to_vec()).by(PROBE)
    }

    /// Of all servers in the configuration of a host.
    pub(crate) fn all(file: &str) -> Self {
        Self([PROBE, "--all", file].map(str::to_owned).to_vec())
    }

    /// At another path of the same server.
    pub(crate) fn at(mut self, path: &str) -> Self {
        let (origin, _) = self.0[1].rsplit_once('/').unwrap();
        self.0[1] = format!("{origin}/{path}");
        self
    }

    pub(crate) fn flags(mut self, flags: &[&str]) -> Self {
        self.0.extend(flags.iter().map(ToString::to_string));
        self
    }

    /// The same words to another program.
    pub(crate) fn by(mut self, program: &str) -> Self {
        program.clone_into(&mut self.0[0]);
        self
    }

    /// As people see it.
    pub(crate) fn run(&self) -> Finished {
        process::run(bridge::command(&self.0), "", LIMIT)
    }

    /// The exit code and the object of `--json`.
    pub(crate) fn json(self) -> (Option<i32>, Value) {
        let done = self.flags(&["--json"]).run();
        assert_eq!(done.stderr, "");
        let object = serde_json::from_str(&done.stdout);
        (done.code, object.unwrap_or_else(|error| panic!("{error}: {}", done.stdout)))
    }

    /// All is well.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Found {
        let (code, found) = self.json();
        let found = Found::new(found);
        assert_eq!(code, Some(0), "{found}");
        found.assert_well();
        found
    }

    /// It fails at `step` with something of this `class`; the cause and the hint say this.
    #[track_caller]
    pub(crate) fn fails(self, step: &str, class: &str, cause: &str, hint: &str) -> Found {
        let found = self.fails_somewhere(cause, hint);
        let told = ["/failure/step", "/failure/class"].map(|member| found.get(member));
        assert_eq!(told, [step, class], "{found}");
        let steps = found.0["steps"].as_array().unwrap();
        let last = steps.last().unwrap();
        assert_eq!((&last["step"], &last["state"]), (&step.into(), &"failed".into()), "{found}");
        found
    }

    /// It fails; the cause and the hint say this, to people too.
    #[track_caller]
    pub(crate) fn fails_somewhere(self, cause: &str, hint: &str) -> Found {
        let seen = self.run();
        assert_eq!((seen.code, &*seen.stdout), (Some(1), ""), "{}", seen.stderr);
        let told: Vec<&str> = seen.stderr.split_whitespace().collect();
        assert!(told.join(" ").contains(cause), "`{cause}` is not in {}", seen.stderr);
        let (code, found) = self.json();
        let found = Found::new(found);
        assert_eq!((code, found.get("/ok")), (Some(1), &false.into()), "{found}");
        for (member, words) in [("/failure/cause", cause), ("/failure/hint", hint)] {
            let told = found.get(member).as_str().unwrap_or_default();
            assert!(told.contains(words), "`{words}` is not in {found}");
        }
        found
    }
}

/// The program.
const PROBE: &str = env!("CARGO_BIN_EXE_mcp-secure-remote-client");

/// All steps to a server with TLS, without a proxy; an address needs no name.
const STEPS: [&str; 10] = [
    "arguments",
    "identity",
    "name",
    "tcp",
    "tls",
    "http",
    "transport",
    "session",
    "lists",
    "latency",
];

/// What `--json` printed.
#[derive(Debug)]
pub(crate) struct Found(Value);

impl Found {
    /// It is as the schema promises.
    #[track_caller]
    pub(crate) fn new(found: Value) -> Self {
        if let Err(error) = schema().validate(&found) {
            panic!("{error} at {}: {found:#}", error.instance_path());
        }
        Self(found)
    }

    /// Nothing failed, nothing is to be seen to, each step was made in its order and took its time.
    #[track_caller]
    pub(crate) fn assert_well(&self) {
        assert_eq!(self.get("/ok"), &Value::Bool(true), "{self}");
        assert_eq!(self.get("/failure"), &Value::Null, "{self}");
        assert_eq!(self.get("/warnings"), &Value::Array(vec![]), "{self}");
        let with_name = self.get("/url").as_str().unwrap().contains("localhost");
        let steps: Vec<&str> =
            STEPS.into_iter().filter(|step| with_name || *step != "name").collect();
        let made = self.0["steps"].as_array().unwrap();
        assert_eq!(made.iter().map(|step| &step["step"]).collect::<Vec<_>>(), steps, "{self}");
        for step in made {
            assert_eq!(step["state"], "ok", "{self}");
            let timed = step["milliseconds"].as_f64().is_some_and(|took| took >= 0.0);
            assert_eq!(timed, step["step"] != "arguments", "{self}");
        }
    }

    /// The facts of a step.
    #[track_caller]
    pub(crate) fn facts(&self, step: &str) -> &Value {
        let mut steps = self.0["steps"].as_array().unwrap().iter();
        let found = steps.find(|entry| entry["step"] == step);
        &found.unwrap_or_else(|| panic!("no `{step}` in {self}"))["facts"]
    }

    /// A member, by its JSON pointer.
    pub(crate) fn get(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// How many pages and items each list has, in the order of the lists.
    pub(crate) fn counts(&self) -> Vec<(&str, u64, usize)> {
        let lists = self.0["offers"]["lists"].as_array().unwrap().iter();
        let count = |list: &Value| list["items"].as_array().unwrap().len();
        lists
            .map(|it| (it["kind"].as_str().unwrap(), it["pages"].as_u64().unwrap(), count(it)))
            .collect()
    }

    /// This member of each item on a list.
    pub(crate) fn items(&self, kind: &str, member: &str) -> Vec<&str> {
        let mut lists = self.0["offers"]["lists"].as_array().unwrap().iter();
        let items = lists.find(|list| list["kind"] == kind).map(|list| &list["items"]);
        let items = items.and_then(Value::as_array).into_iter().flatten();
        items.map(|item| item[member].as_str().unwrap()).collect()
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

fn schema() -> &'static jsonschema::Validator {
    static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let text = include_str!("../../../docs/probe.schema.json");
        jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
    });
    &SCHEMA
}

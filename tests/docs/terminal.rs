//! Where the blocks of a document run: a folder, a `PATH`, ports of its own, and what runs on.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use tempfile::TempDir;

use super::process::lasting_port;

/// For one block; npx takes a second on an idle machine.
const LIMIT: Duration = Duration::from_secs(90);
/// For what was asked to end.
const END: Duration = Duration::from_secs(20);

/// The ports of the documents; each run has free ones in their place.
const PORTS: [&str; 5] = ["8623", "8624", "8625", "8443", "3001"];

/// Names that lead nowhere, and what stands in for them. Nothing is to listen beyond the machine.
const STAND_INS: [(&str, &str); 3] =
    [("mcp.example.com", "localhost:8623"), ("pi.local", "localhost"), ("0.0.0.0:", "127.0.0.1:")];

/// Our programs.
const OURS: [&str; 2] =
    [env!("CARGO_BIN_EXE_mcp-secure-remote"), env!("CARGO_BIN_EXE_mcp-secure-remote-client")];
/// Where `cargo install` puts them.
const PROGRAMS: &str = ".cargo/bin";
/// The folder of the documents' reader.
const HOME: &str = "/path/to";

/// What a document's reader has before himself.
pub(crate) struct Terminal {
    folder: TempDir,
    packages: PathBuf,
    ports: BTreeMap<&'static str, String>,
    running: Vec<Running>,
}

/// A block that ran to its end.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// Both outputs, with the ports of the document.
    pub(crate) printed: String,
}

impl Terminal {
    /// A terminal in an empty folder; npx finds `packages` there.
    pub(crate) fn new(packages: &Path) -> Self {
        let ports = PORTS.map(|port| (port, lasting_port().to_string())).into();
        Self { folder: folder(packages), packages: packages.to_owned(), ports, running: Vec::new() }
    }

    /// Ends what runs, and goes to an empty folder.
    pub(crate) fn new_folder(&mut self) {
        self.running.clear();
        self.folder = folder(&self.packages);
    }

    /// Runs a script to its end, while its reader types this and waits for as many lines of answers.
    pub(crate) fn run(&self, script: &str, typed: Option<&str>) -> Ended {
        let mut block = self.start(script);
        if let (Some(typed), Some(mut stdin)) = (typed, block.stdin.take()) {
            let _ = stdin.write_all(typed.as_bytes()); // what has ended does not read
            let questions = typed.lines().filter(|line| line.contains("\"id\"")).count();
            let answers = |text: &str| text.lines().filter(|line| line.starts_with('{')).count();
            block.output.wait(LIMIT, |text| answers(text) >= questions);
        }
        block.stdin = None;
        let ended = block.output.wait(LIMIT, |text| text.ends_with(END_OF_OUTPUT));
        assert!(
            ended,
            "not at its end after {LIMIT:?}:\n{script}\n{}",
            shown(&block.output.text())
        );
        let code = block.child.wait().unwrap().code();
        Ended { code, printed: self.as_written(&block.output.text()) }
    }

    /// Starts a script that runs on, waits for these words, and tells what it has said until then.
    pub(crate) fn run_on(&mut self, script: &str, words: &str) -> String {
        let block = self.start(script);
        let said = |text: &str| text.contains(words) || text.ends_with(END_OF_OUTPUT);
        block.output.wait(LIMIT, said);
        let text = block.output.text();
        assert!(text.contains(words), "`{words}` was not said by\n{script}\n{}", shown(&text));
        self.running.push(block);
        self.as_written(&text)
    }

    fn start(&self, script: &str) -> Running {
        let mut command = Command::new("bash");
        command.args(["-euc", &self.here(script)]).current_dir(self.folder.path());
        // No variable of whoever runs the tests counts, and npm may ask no registry.
        command.env_clear().env("HOME", self.folder.path()).env("PATH", self.path());
        Running::start(command)
    }

    /// Our programs first; not every user has the servers' folder on his path.
    fn path(&self) -> String {
        let programs = self.folder.path().join(PROGRAMS);
        format!("{}:{}:/usr/sbin", programs.display(), std::env::var("PATH").unwrap())
    }

    /// A script of the document, with the ports and names of this run.
    fn here(&self, script: &str) -> String {
        let stand_in = |text: String, (name, other): (&str, &str)| text.replace(name, other);
        let script = STAND_INS.into_iter().fold(script.to_owned(), stand_in);
        numbers(&script, |number| Some(self.ports.get(number)?.as_str()))
    }

    fn as_written(&self, printed: &str) -> String {
        let port = |number: &str| self.ports.iter().find(|(_, free)| *free == number);
        let printed = shown(printed).replace(&self.folder.path().display().to_string(), HOME);
        numbers(&printed, |number| Some(*port(number)?.0))
    }
}

/// The text with other numbers where there is another one.
fn numbers<'a>(text: &str, other: impl Fn(&str) -> Option<&'a str>) -> String {
    let parts = text.split_inclusive(|c: char| !c.is_ascii_digit());
    let parts = parts.map(|part| {
        let number = part.trim_end_matches(|c: char| !c.is_ascii_digit());
        other(number).map_or(part.to_owned(), |other| part.replace(number, other))
    });
    parts.collect()
}

fn folder(packages: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let programs = folder.path().join(PROGRAMS);
    fs::create_dir_all(&programs).unwrap();
    for program in OURS {
        symlink(program, programs.join(Path::new(program).file_name().unwrap())).unwrap();
    }
    symlink(packages, folder.path().join("node_modules")).unwrap();
    fs::write(folder.path().join(".npmrc"), "offline=true\nupdate-notifier=false\n").unwrap();
    folder
}

/// Stands in an [`Output`] where nothing more can come.
const END_OF_OUTPUT: char = '\0';

fn shown(output: &str) -> &str {
    output.trim_end_matches(END_OF_OUTPUT)
}

/// A script under way; dropped, it ends with all that it has started.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    output: Arc<Output>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let (reader, writer) = io::pipe().unwrap();
        command.stdin(Stdio::piped()).stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut child = command.process_group(0).spawn().unwrap();
        drop(command); // it holds the writing end
        let output = Arc::new(Output::default());
        output.follow(reader);
        Self { stdin: child.stdin.take(), child, output }
    }

    fn signal(&self, signal: Signal) {
        let group = Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        self.output.wait(END, |text| text.ends_with(END_OF_OUTPUT));
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Both outputs of a script, as they come.
#[derive(Default)]
struct Output {
    text: Mutex<String>,
    grown: Condvar,
}

impl Output {
    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// Whether the text became so within this time.
    fn wait(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> bool {
        let waiting = |text: &mut String| {
            let ended = text.ends_with(END_OF_OUTPUT);
            !ended && !wanted(text)
        };
        let text = self.text.lock().unwrap();
        let (text, _) = self.grown.wait_timeout_while(text, limit, waiting).unwrap();
        wanted(&text)
    }

    fn follow(self: &Arc<Self>, output: io::PipeReader) {
        let this = Arc::clone(self);
        thread::spawn(move || {
            let grow = |text: &str| {
                *this.text.lock().unwrap() += text;
                this.grown.notify_all();
            };
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.for_each(|line| grow(&(line + "\n")));
            grow(&END_OF_OUTPUT.to_string());
        });
    }
}

//! The engine that builds and runs, and the images built by it.

use std::env;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::ChildStdin;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use super::support::process;
use super::support::process::Finished;

/// For one container.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);
/// For one image; with the program in it, a release build on a busy machine.
pub(crate) const BUILD: Duration = Duration::from_secs(40 * 60);

/// An engine.
pub(crate) struct Engine {
    program: PathBuf,
    compose: Vec<String>,
    /// Where our own listens. It ends when nobody holds its standard input any more.
    own: Option<(String, ChildStdin)>,
}

/// The engine of this machine, or one of our own.
pub(crate) fn engine() -> Option<&'static Engine> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    match ENGINE.get_or_init(Engine::find) {
        Ok(engine) => Some(engine),
        Err(missing) => {
            assert_ne!(env::var("CI").as_deref(), Ok("true"), "no container engine: {missing}");
            let test = thread::current().name().unwrap_or_default().to_owned();
            // Not `eprintln!`: the test runner swallows that of a test which passes.
            let line = format!("SKIPPED: {test}: {missing}\n");
            let _ = std::io::stderr().write_all(line.as_bytes());
            None
        }
    }
}

impl Engine {
    fn find() -> Result<Self, String> {
        let program = docker().ok_or("there is no `docker` that can build")?;
        let compose = compose(&program).ok_or("there is no docker compose")?;
        let own = if succeeds(Command::new(&program).arg("info")) { None } else { Some(start()?) };
        Ok(Self { program, compose, own })
    }

    /// `docker` with these words.
    pub(crate) fn docker(&self, words: &[&str]) -> Command {
        self.command(Command::new(&self.program), words)
    }

    /// `docker compose` with these words, in the folder of compose.yml.
    pub(crate) fn compose(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.compose[0]);
        command.args(&self.compose[1..]).current_dir(project());
        self.command(command, words)
    }

    /// A command that reaches this engine, with `$DOCKER` and `$COMPOSE` as the clients to use, in the
    /// folder of the project.
    pub(crate) fn surround(&self, mut command: Command) -> Command {
        command.env("DOCKER", &self.program).env("COMPOSE", self.compose.join(" "));
        command.current_dir(project());
        self.command(command, &[])
    }

    fn command(&self, mut command: Command, words: &[&str]) -> Command {
        command.args(words).env("DOCKER_BUILDKIT", "1");
        if let Some((host, _)) = &self.own {
            command.env("DOCKER_HOST", host);
        }
        command
    }

    /// The output of a command that has to succeed.
    #[track_caller]
    pub(crate) fn said(&self, words: &[&str]) -> String {
        let done = self.run(words, "");
        assert_eq!(done.code, Some(0), "{words:?}: {}", done.stderr);
        done.stdout.trim().to_owned()
    }

    /// A command with this input, to its end.
    pub(crate) fn run(&self, words: &[&str], input: &str) -> Finished {
        process::run(self.docker(words), input, LIMIT)
    }

    /// The image of a target of the Dockerfile, built once. Its name is that in compose.yml, with the target
    /// behind it where it is not the last.
    pub(crate) fn image(&self, target: Target) -> &'static str {
        static BRIDGE: OnceLock<Finished> = OnceLock::new();
        static RUNNER: OnceLock<Finished> = OnceLock::new();
        let (cell, name) = match target {
            Target::Bridge => (&BRIDGE, "mcp-secure-remote"),
            Target::Runner => (&RUNNER, "mcp-secure-remote:runner"),
        };
        let built = cell.get_or_init(|| {
            let words = ["build", "--network=host", "--build-arg=VERSION=1.2.3", "--tag", name];
            let target: &[&str] = match target {
                Target::Bridge => &[],
                Target::Runner => {
                    // What both need is there then, and is not built twice at the same time.
                    self.image(Target::Bridge);
                    &["--target=runner"]
                }
            };
            process::run(self.docker(&[&words, target, &[project()]].concat()), "", BUILD)
        });
        assert_eq!(built.code, Some(0), "{}", built.stderr);
        name
    }
}

/// A target of the Dockerfile.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// The last one.
    Bridge,
    /// With Node and uv.
    Runner,
}

fn project() -> &'static str {
    env!("CARGO_MANIFEST_DIR")
}

/// The first client that builds by BuildKit: since 23 it needs a plugin for that.
fn docker() -> Option<PathBuf> {
    let places = env::var_os("PATH").unwrap_or_default();
    let mut found = env::split_paths(&places).map(|place| place.join("docker"));
    found.find(|program| {
        let old = Command::new(program).arg("--version").output();
        let old = old.map(|it| String::from_utf8_lossy(&it.stdout).contains("version 20."));
        old.unwrap_or(false) || succeeds(Command::new(program).args(["buildx", "version"]))
    })
}

fn compose(docker: &Path) -> Option<Vec<String>> {
    if succeeds(Command::new(docker).args(["compose", "version"])) {
        return Some(vec![docker.display().to_string(), "compose".to_owned()]);
    }
    let old = "docker-compose".to_owned();
    succeeds(Command::new(&old).arg("--version")).then(|| vec![old])
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

/// An engine of our own, and where it listens.
fn start() -> Result<(String, ChildStdin), String> {
    if !rustix::process::getuid().is_root() {
        return Err("no engine answers, and only root can start one".to_owned());
    }
    for program in ["dockerd", "debootstrap", "npm", "python3"] {
        if !succeeds(Command::new(program).arg("--version")) {
            return Err(format!("no engine answers, and {program} is not installed to start one"));
        }
    }
    let mut command = Command::new(Path::new(project()).join("tests/containers/engine.sh"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let mut errors = child.stderr.take().ok_or("a pipe")?;
    let log = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = errors.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().ok_or("a pipe")?);
    let read = output.read_line(&mut line);
    match (read, line.trim().strip_prefix("READY ")) {
        (Ok(_), Some(host)) => Ok((host.to_owned(), child.stdin.take().ok_or("a pipe")?)),
        _ => Err(format!("engine.sh failed: {}", log.join().unwrap_or_default())),
    }
}

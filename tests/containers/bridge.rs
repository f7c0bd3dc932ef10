//! The bridge in a container, as an IDE starts it.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use super::engine::LIMIT;
use super::engine::Target;
use super::engine::engine;
use super::server::Remote;
use super::support::process::Finished;

pub(crate) const INITIALIZE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","#,
    r#""capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#,
    "\n"
);
/// The engine kills after 10 s what does not end by itself; the bridge promises 2 s.
const IN_ORDER: Duration = Duration::from_secs(8);

/// The words of `docker run` up to the image, with all that can be taken away from a container.
fn run(remote: &Remote, flags: &[&str], image: &str) -> Vec<String> {
    let bare = ["run", "--rm", "-i", "--network=host", "--read-only", "--cap-drop=ALL"];
    let mut words: Vec<String> =
        bare.into_iter().chain(flags.iter().copied()).map(str::to_owned).collect();
    words.extend(remote.certificates());
    words.push(image.to_owned());
    words
}

fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn a_message_is_answered_and_the_container_ends_with_its_input() {
    let Some(engine) = engine() else { return };
    let (image, remote) = (engine.image(Target::Bridge), Remote::start());
    let mut run = run(&remote, &[], image);
    run.push(remote.url("localhost"));
    let done = ask(engine.docker(&words(&run)));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("demo-server"), "{}", done.stdout);
    assert_eq!(done.stdout.lines().count(), 1);
    assert!(remote.logs("a session ends: the client ended it"));
}

#[test]
fn names_are_looked_up_without_any_library_of_the_system() {
    let Some(engine) = engine() else { return };
    let (image, remote) = (engine.image(Target::Bridge), Remote::start());
    let mut run = run(&remote, &["--add-host=remote.example:127.0.0.1"], image);
    run.push(remote.url("remote.example"));
    let done = ask(engine.docker(&words(&run)));
    assert!(done.stdout.contains("demo-server"), "{}\n{}", done.stdout, done.stderr);
}

#[test]
fn docker_stop_and_an_interrupt_end_it_in_good_order() {
    let Some(engine) = engine() else { return };
    let image = engine.image(Target::Bridge);
    for signal in ["--signal=TERM", "--signal=INT"] {
        let remote = Remote::start();
        let name = format!("bridge-{}{signal}", std::process::id()).replace("--signal=", "-");
        let mut run = run(&remote, &["--name", &name], image);
        run.push(remote.url("localhost"));
        let (mut bridge, line) = connected(engine.docker(&words(&run)));
        assert!(line.contains("demo-server"), "{line}");
        let asked = Instant::now();
        match signal {
            "--signal=TERM" => engine.said(&["stop", &name]),
            _ => engine.said(&["kill", signal, &name]),
        };
        assert_eq!(bridge.wait().unwrap().code(), Some(0), "{signal}");
        assert!(asked.elapsed() < IN_ORDER, "{signal}: {:?}", asked.elapsed());
        assert!(remote.logs("a session ends: the client ended it"), "{signal}");
    }
}

/// What a bridge answers, and how it ends when its input does.
pub(crate) fn ask(command: Command) -> Finished {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (child, line) = connected(command);
        // Its input is closed here.
        let _ = sender.send((line, child.wait_with_output().unwrap()));
    });
    let (line, output) = receiver.recv_timeout(LIMIT).unwrap();
    let rest = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Finished { code: output.status.code(), stdout: line + &rest, stderr }
}

/// A bridge that has answered, with its input open.
fn connected(mut command: Command) -> (Child, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(INITIALIZE.as_bytes()).unwrap();
    let mut line = String::new();
    // What comes after the line is left for others.
    BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, line)
}

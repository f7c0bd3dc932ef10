//! In each way the program is the same to its host: answers, signals, exit codes, streams.

use std::time::Duration;

use super::made::made;
use super::running::Ended;
use super::running::Running;
use super::running::signal;
use super::support::bridge;
use super::support::host::Host;
use super::support::process;
use super::support::process::Finished;
use super::support::remote::Remote;
use super::support::remote::Wire;
use super::way::Way;

/// For a run that ends by itself; npx takes seconds on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_host_on_the_python_sdk_has_its_whole_tour_in_each_way() {
    let Some(made) = made() else { return };
    for way in Way::ALL {
        let Some(remote) = Remote::python_v1(Wire::Http) else { return };
        let Some(words) = way.to(made, &remote) else { return };
        let Some(seen) = Host::PythonV1.tour_of(words, remote.pki.folder.path()) else { return };
        seen.assert_tour();
        assert_eq!(seen.exits, [0], "{way:?}: it did not end by itself\n{}", seen.stderr);
        assert!(remote.server.logs("\"DELETE /mcp HTTP/1.1\" 200"), "{way:?}");
    }
}

#[test]
fn the_end_of_the_input_is_exit_code_0_in_each_way() {
    for (way, done) in each(&["https://127.0.0.1:1/mcp"], "") {
        assert_eq!(done.code, Some(0), "{way:?}: {}", done.stderr);
        assert_eq!(done.stdout, "", "{way:?}");
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_exit_code_1_in_each_way() {
    let line = bridge::initialize(7) + "\n";
    for (way, done) in each(&["https://127.0.0.1:1/mcp", "--transport", "http-only"], &line) {
        assert_eq!(done.code, Some(1), "{way:?}: {}", done.stderr);
        assert!(done.stdout.contains("\"id\":7") && done.stdout.contains("\"error\""), "{way:?}");
        assert!(done.stderr.contains("cause: "), "{way:?}: {}", done.stderr);
    }
}

#[test]
fn wrong_arguments_are_exit_code_2_in_each_way() {
    let mut told = Vec::new();
    for (way, done) in each(&["https://127.0.0.1:1/mcp", "--a b\"c"], "") {
        assert_eq!((done.code, &*done.stdout), (Some(2), ""), "{way:?}: {}", done.stderr);
        told.push(done.stderr);
    }
    // To the last byte, for a word that a shell would take apart.
    assert!(told.iter().all(|text| *text == told[0]), "{told:#?}");
}

#[test]
#[cfg(target_os = "linux")] // where children are found through /proc
fn a_request_to_end_ends_the_session_in_each_way() {
    let Some(made) = made() else { return };
    for name in ["TERM", "INT"] {
        for way in Way::ALL {
            let Some(remote) = Remote::python_v1(Wire::Http) else { return };
            let Some(words) = way.to(made, &remote) else { return };
            let running = Running::start(&words);
            signal(running.behind_npm(), name);
            assert_eq!(running.end(), Ended::Code(0), "{way:?} {name}");
            assert!(remote.server.logs("\"DELETE /mcp HTTP/1.1\" 200"), "{way:?} {name}");
        }
    }
}

// npm hands no signal on: it ends, and what it started goes on until its input ends.
#[test]
fn what_a_killed_npx_leaves_behind_ends_with_its_input() {
    let Some(made) = made() else { return };
    for way in [Way::NpxBeside, Way::NpxInPlace] {
        let Some(remote) = Remote::python_v1(Wire::Http) else { return };
        let Some(words) = way.to(made, &remote) else { return };
        let mut running = Running::start(&words);
        signal(running.id(), "TERM");
        running.stdin = None;
        running.end();
        assert!(remote.server.logs("\"DELETE /mcp HTTP/1.1\" 200"), "{way:?}");
    }
}

/// What the program said and how it ended, in each way.
fn each(arguments: &[&str], input: &str) -> Vec<(Way, Finished)> {
    let Some(made) = made() else { return Vec::new() };
    let run = |way: Way| {
        let mut words = way.words(made)?;
        words.extend(arguments.iter().map(ToString::to_string));
        Some((way, process::run(bridge::command(&words), input, LIMIT)))
    };
    Way::ALL.into_iter().filter_map(run).collect()
}

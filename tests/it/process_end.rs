//! How children end: by themselves, asked, or made to; and what is told about it.

use std::time::Duration;

use mcp_secure_remote::channel;
use mcp_secure_remote::channel::Channel;
use rustix::process::Signal;
use tokio::time::timeout;

use crate::support::children::Nursery;
use crate::support::children::PATIENT;
use crate::support::children::ask;
use crate::support::children::end;
use crate::support::children::members;
use crate::support::children::message;
use crate::support::children::next;
use crate::support::children::notification;
use crate::support::children::program;
use crate::support::children::shell;
use crate::support::children::signal;
use crate::support::watched::LIMIT;

/// Says that it is there, on standard output.
const READY: &str = r#"echo '{"jsonrpc":"2.0","method":"ready"}';"#;

/// Takes no notice of the end of its input.
const STUBBORN: &str = "while :; do sleep 1000 & wait; done";

#[tokio::test]
async fn a_dropped_channel_is_the_end_of_input_and_a_child_that_ends_then_gets_no_signal() {
    let nursery = Nursery::new();
    let mut cat = nursery.start(program("cat", &[]));
    ask(&mut cat.channel, &notification("a")).await;
    drop(cat);
    nursery.children().finished().await;
    let counts = nursery.children().counts();
    assert_eq!((counts.spawned, counts.exited_well, counts.terminated), (1, 1, 0));
    nursery.over().await;
}

#[tokio::test]
async fn what_was_sent_before_the_sender_left_is_read_and_answered() {
    let nursery = Nursery::new();
    let cat = nursery.start(program("cat", &[]));
    let lines: Vec<_> = (0..500).map(|number| notification(&number.to_string())).collect();
    let mut messages = lines.iter().map(|line| message(line)).collect();
    let mut channel = cat.channel;
    channel.sender.send_all(&mut messages).await.unwrap();
    let (unused, _) = channel::queue();
    channel.sender = unused;
    assert_eq!(end(channel).await, (lines, None), "an orderly end has no reason");
    nursery.over().await;
}

#[tokio::test]
async fn a_child_that_nobody_listens_to_is_ended_while_it_could_still_be_spoken_to() {
    let nursery = Nursery::new();
    let mut cat = nursery.start(program("cat", &[]));
    ask(&mut cat.channel, &notification("a")).await;
    let Channel { sender, receiver } = cat.channel;
    drop(receiver);
    timeout(LIMIT, sender.gone()).await.expect("its input is closed");
    nursery.over().await;
}

#[tokio::test]
async fn a_child_that_ignores_the_end_of_its_input_is_terminated() {
    let nursery = Nursery::new();
    let mut config = shell(&format!("{READY} exec sleep 1000"));
    config.exit_grace = Duration::from_millis(50);
    let mut child = nursery.start(config);
    next(&mut child.channel).await;
    drop(child);
    nursery.children().finished().await;
    let counts = nursery.children().counts();
    assert_eq!((counts.ended_by_signal, counts.terminated, counts.killed), (1, 1, 0));
    nursery.over().await;
}

#[tokio::test]
async fn a_child_that_ignores_sigterm_too_is_killed() {
    let nursery = Nursery::new();
    let mut config = shell(&format!("trap '' TERM; {READY} {STUBBORN}"));
    config.exit_grace = Duration::ZERO;
    config.kill_grace = Duration::from_millis(50);
    let mut child = nursery.start(config);
    next(&mut child.channel).await;
    drop(child);
    nursery.children().finished().await;
    let counts = nursery.children().counts();
    assert_eq!((counts.ended_by_signal, counts.terminated, counts.killed), (1, 1, 1));
    nursery.over().await;
}

#[tokio::test]
async fn what_a_wrapper_has_started_ends_with_it() {
    let nursery = Nursery::new();
    // A shell that waits; one whose server ignores SIGTERM; one that is a wrapper of a wrapper.
    for script in [
        format!("sleep 1000 & {READY} wait"),
        format!("(trap '' TERM; {READY} {STUBBORN}) & wait"),
        format!("sh -c 'sh -c \"sleep 1000\" & sleep 1000 & wait' & {READY} wait"),
    ] {
        let mut config = shell(&script);
        config.exit_grace = Duration::ZERO;
        config.kill_grace = Duration::from_millis(50);
        let mut child = nursery.start(config);
        next(&mut child.channel).await;
        assert!(cfg!(not(target_os = "linux")) || members(child.pid).len() > 1, "{script}");
    }
    nursery.over().await;
}

#[tokio::test]
async fn what_outlives_its_wrapper_is_ended_too() {
    let nursery = Nursery::new();
    let mut config = shell(&format!("(trap '' TERM; {READY} {STUBBORN}) & exec sleep 1000"));
    config.kill_grace = Duration::from_millis(50);
    let mut child = nursery.start(config);
    next(&mut child.channel).await;
    signal(child.pid, Signal::KILL);
    let (_, reason) = end(child.channel).await;
    assert_eq!(reason.unwrap(), "outcome_unknown: the server process was killed by signal 9");
    nursery.over().await;
}

/// The limit of it: who makes a session of its own belongs to no group of ours. The conversation
/// ends all the same, though that one holds the pipes.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn who_flees_into_a_session_of_its_own_does_not_hold_up_the_end() {
    let nursery = Nursery::new();
    let script = r#"setsid sh -c 'echo "{\"jsonrpc\":\"2.0\",\"method\":\"$$\"}"; exec sleep 1000' &
        wait"#;
    let mut child = nursery.start(shell(script));
    let fled = next(&mut child.channel).await;
    let fled = fled.split('"').nth(7).unwrap().parse().unwrap();
    signal(child.pid, Signal::KILL);
    let (_, reason) = end(child.channel).await;
    assert!(reason.unwrap().contains("killed by signal 9"));
    signal(fled, Signal::KILL);
    nursery.over().await;
}

#[tokio::test]
async fn a_child_that_exits_in_mid_request_says_how_and_why() {
    let nursery = Nursery::new();
    let said = notification("said before");
    let cases = [
        ("exit 0", "outcome_unknown: the server process exited with status 0"),
        (
            "echo 'Error: no such table' >&2; echo at line 3 >&2; exit 3",
            "outcome_unknown: the server process exited with status 3: Error: no such table",
        ),
        ("kill -9 $$", "outcome_unknown: the server process was killed by signal 9"),
        (
            "printf 'a\\033[31mb\\n' >&2; kill $$; wait",
            "outcome_unknown: the server process was killed by signal 15: ab",
        ),
    ];
    for (how, told) in cases {
        let child = nursery.start(shell(&format!("read line; echo '{said}'; {how}")));
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#;
        child.channel.sender.send(message(request)).await.unwrap();
        assert_eq!(end(child.channel).await, (vec![said.clone()], Some(told.to_owned())), "{how}");
    }
    let counts = nursery.children().counts();
    assert_eq!((counts.exited_well, counts.exited_badly, counts.ended_by_signal), (1, 1, 2));
    assert_eq!(counts.terminated, 0);
    nursery.over().await;
}

/// A shell says so by its status. Who has said something did run.
#[tokio::test]
async fn a_command_that_cannot_be_run_was_not_sent_anything() {
    let nursery = Nursery::new();
    let said = notification("said before");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for (how, status) in [("no-such-program".to_owned(), 127), (file.display().to_string(), 126)] {
        let (_, reason) = end(nursery.start(shell(&how)).channel).await;
        let reason = reason.unwrap();
        let told = format!("not_sent: the server process exited with status {status}: ");
        assert!(
            reason.starts_with(&told) && reason.contains("; hint: the status means"),
            "{reason}"
        );
        let script = format!("echo '{said}'; {how}");
        let (messages, reason) = end(nursery.start(shell(&script)).channel).await;
        let reason = reason.unwrap();
        assert_eq!(messages, std::slice::from_ref(&said));
        assert!(reason.starts_with("outcome_unknown: "), "{reason}");
    }
    nursery.over().await;
}

#[tokio::test]
async fn a_child_that_closes_its_output_while_it_runs_is_not_told_like_one_that_exits() {
    let nursery = Nursery::new();
    let gate = tempfile::tempdir().unwrap();
    let gate = gate.path().join("gate");
    let script = format!("exec >&-; until test -e {}; do sleep 0.02; done; exit 0", gate.display());
    let child = nursery.start(shell(&script));
    let mut over = std::pin::pin!(end(child.channel));
    let early = timeout(2 * mcp_secure_remote::limits::EXIT_NOTICE, &mut over).await;
    assert!(early.is_err(), "it still runs");
    std::fs::write(&gate, "").unwrap();
    let (_, reason) = over.await;
    assert_eq!(
        reason.unwrap(),
        "outcome_unknown: the server process closed its input or output, and later exited with status 0"
    );
    nursery.over().await;
}

#[tokio::test]
async fn everything_that_a_child_wrote_before_its_end_is_delivered_and_a_cut_line_is_not() {
    let nursery = Nursery::new();
    // As many as wait in a channel, however they are read: the child must not have to wait.
    let line = notification(&"x".repeat(100));
    let script = format!(
        "i=0; while [ $i -lt 60 ]; do echo '{line}'; i=$((i+1)); done; printf '{{\"jsonrpc\":\"2.0\",'"
    );
    let child = nursery.start(shell(&script));
    // It has ended before anything was taken.
    nursery.children().finished().await;
    let (messages, reason) = end(child.channel).await;
    assert_eq!(messages.len(), 60);
    assert!(reason.unwrap().ends_with("exited with status 0"));
    nursery.over().await;
}

#[tokio::test]
async fn a_message_to_a_child_that_has_gone_goes_nowhere_and_the_exit_is_the_reason() {
    let nursery = Nursery::new();
    let child = nursery.start(shell("exit 7"));
    nursery.children().finished().await;
    let sender = child.channel.sender.clone();
    let sends = async { while sender.send(message(&notification("a"))).await.is_ok() {} };
    timeout(PATIENT, sends).await.expect("it is told that nobody listens");
    drop(sender);
    let (_, reason) = end(child.channel).await;
    assert!(reason.unwrap().ends_with("exited with status 7"));
    nursery.over().await;
}

#[tokio::test]
async fn a_child_that_is_stopped_is_ended() {
    let nursery = Nursery::new();
    let mut config = program("cat", &[]);
    config.exit_grace = Duration::ZERO;
    let mut child = nursery.start(config);
    ask(&mut child.channel, &notification("a")).await;
    signal(child.pid, Signal::STOP);
    drop(child);
    nursery.over().await;
}

#[tokio::test]
async fn a_child_that_is_stopped_with_a_full_pipe_is_ended_when_nothing_more_will_come() {
    let nursery = Nursery::new();
    let mut config = program("cat", &[]);
    config.exit_grace = Duration::ZERO;
    let mut child = nursery.start(config);
    ask(&mut child.channel, &notification("a")).await;
    signal(child.pid, Signal::STOP);
    let large = message(&notification(&"x".repeat(1_000_000)));
    child.channel.sender.send(large).await.unwrap();
    // The sender alone leaves, behind more than the pipe holds.
    let (unused, _) = channel::queue();
    child.channel.sender = unused;
    assert_eq!(end(child.channel).await.1, None, "it was asked for");
    nursery.over().await;
}

#[tokio::test]
async fn a_child_that_closes_its_output_or_its_input_is_ended() {
    let nursery = Nursery::new();
    for script in ["exec >&-; exec sleep 1000", "exec <&-; exec sleep 1000"] {
        let mut config = shell(script);
        config.exit_grace = Duration::from_millis(50);
        let child = nursery.start(config);
        let sender = child.channel.sender.clone();
        let sends = async { while sender.send(message(&notification("a"))).await.is_ok() {} };
        timeout(PATIENT, sends).await.expect("it is told that nobody listens");
        drop(sender);
        let (_, reason) = end(child.channel).await;
        let told = "outcome_unknown: the server process closed its input or output and did not end";
        assert_eq!(reason.unwrap(), told, "{script}");
    }
    nursery.over().await;
}

#[tokio::test]
async fn when_their_owner_is_dropped_all_children_are_killed_at_once() {
    let nursery = Nursery::new();
    let script = format!("trap '' TERM; sh -c 'trap \"\" TERM; {STUBBORN}' & {READY} {STUBBORN}");
    let mut children: Vec<_> = (0..3).map(|_| nursery.start(shell(&script))).collect();
    for child in &mut children {
        next(&mut child.channel).await;
    }
    nursery.dropped().await;
    for child in children {
        assert_eq!(end(child.channel).await, (vec![], None));
    }
}

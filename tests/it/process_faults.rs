//! Children that do not keep to the rules: noise, lines without an end, floods.

use std::time::Duration;

use mcp_secure_remote::limits;
use mcp_secure_remote::message::Message;

use crate::support::children::Nursery;
use crate::support::children::ask;
use crate::support::children::end;
use crate::support::children::message;
use crate::support::children::notification;
use crate::support::children::program;
use crate::support::children::receive;
use crate::support::children::shell;
use crate::support::children::text;
use crate::support::children::until;
use crate::support::log::Log;

const MAX: usize = 4096;

/// The `error` of a response, by its kind, and the id.
fn failure(message: &Message) -> (String, String) {
    let json: serde_json::Value = serde_json::from_str(&text(message)).unwrap();
    (json["id"].to_string(), json["error"]["data"]["kind"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_banner_is_logged_and_skipped() {
    let log = Log::new();
    let nursery = Nursery::new();
    let script = r#"echo; echo 'Server v1 \033[31mready'; echo '{"a":1}'; echo '[]'; exec cat"#;
    let mut child = nursery.start(shell(script));
    assert_eq!(ask(&mut child.channel, &notification("a")).await, notification("a"));
    assert!(log.has("no message: Server v1"), "{}", log.text());
    assert_eq!(log.count("session=\"test\""), 3, "{}", log.text());
    assert!(!log.has("\u{1b}"));
    assert_eq!(nursery.children().counts().noise_lines, 3);
    drop(child);
    nursery.over().await;
}

#[tokio::test]
async fn a_flood_of_noise_is_counted_and_hardly_logged() {
    const LINES: u64 = 20_000;
    let log = Log::new();
    let nursery = Nursery::new();
    let script = format!("yes noise | head -n {LINES}; exec cat");
    let mut child = nursery.start(shell(&script));
    assert_eq!(ask(&mut child.channel, &notification("a")).await, notification("a"));
    let counts = nursery.children().counts();
    assert_eq!(counts.noise_lines, LINES);
    let logged = log.count("no message: noise");
    assert_eq!(counts.unlogged_lines + logged as u64, LINES);
    assert!((100..1000).contains(&logged), "{logged}");
    drop(child);
    nursery.over().await;
    let told = log.count("more lines that are no messages");
    assert!((1..100).contains(&told), "{told}");
}

#[tokio::test]
async fn a_batch_of_a_child_is_split() {
    let nursery = Nursery::new();
    let batch = format!("[{},{}]", notification("a"), notification("b"));
    let child = nursery.start(program("echo", &[&batch]));
    assert_eq!(end(child.channel).await.0, [notification("a"), notification("b")]);
    nursery.over().await;
}

#[tokio::test]
async fn an_answer_over_the_limit_fails_its_request_alone() {
    let nursery = Nursery::new();
    let mut config = program("cat", &[]);
    config.max_message = MAX;
    let mut cat = nursery.start(config);
    for (start, tail) in [
        (r#"{"jsonrpc":"2.0","id":7,"result":{"x":""#, r#""}}"#),
        (r#"{"result":{"x":""#, r#""},"jsonrpc":"2.0","id":7}"#),
    ] {
        for size in [1, MAX - 1, MAX, MAX + 1, 100 * MAX] {
            let padding = size.saturating_sub(start.len() + tail.len());
            let line = format!("{start}{}{tail}", "y".repeat(padding));
            cat.channel.sender.send(message(&line)).await.unwrap();
            let answer = receive(&mut cat.channel.receiver).await.unwrap();
            if size <= MAX {
                assert_eq!(text(&answer), line, "{size}");
            } else {
                assert_eq!(failure(&answer), ("7".into(), "too_large".into()), "{size}");
            }
        }
    }
    assert_eq!(ask(&mut cat.channel, &notification("a")).await, notification("a"));
    drop(cat);
    nursery.over().await;
}

#[tokio::test]
async fn a_line_over_the_limit_that_answers_nothing_ends_the_child() {
    let nursery = Nursery::new();
    // A line of 100 MiB that never ends, from a child that would never end either.
    let script = format!(
        "echo '{}'; yes | tr -d '\\n' | head -c 104857600; echo; exec sleep 1000",
        notification("a")
    );
    let mut config = shell(&script);
    config.max_message = MAX;
    let child = nursery.start(config);
    let (messages, reason) = end(child.channel).await;
    assert_eq!(messages, [notification("a")]);
    let reason = reason.unwrap();
    assert!(
        reason
            .starts_with("too_large: a message of the server is too large: it has 104857600 bytes"),
        "{reason}"
    );
    nursery.over().await;
}

/// A line that never ends would else be seen by nobody.
#[tokio::test]
async fn a_line_over_the_limit_is_told_once_before_its_end() {
    let log = Log::new();
    let nursery = Nursery::new();
    let bytes = 200 * MAX;
    let mut config = shell(&format!("yes | tr -d '\\n' | head -c {bytes}; exec cat"));
    config.max_message = MAX;
    let child = nursery.start(config);
    let told = "the server writes a line of more than 4096 bytes";
    until("the warning", || log.has(told)).await;
    drop(child);
    nursery.over().await;
    assert_eq!(log.count(told), 1, "{}", log.text());
    assert!(!log.has("dropped a line"), "it has no end: {}", log.text());
}

#[tokio::test]
async fn an_answer_that_is_no_valid_message_fails_its_request() {
    let nursery = Nursery::new();
    let deep =
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    let twice = r#"{"jsonrpc":"2.0","id":2,"result":{},"result":{}}"#;
    let child = nursery.start(program("printf", &["%s\n", &deep, twice]));
    let mut channel = child.channel;
    for id in ["1", "2"] {
        let answer = receive(&mut channel.receiver).await.unwrap();
        assert_eq!(failure(&answer), (id.into(), "protocol".into()));
    }
    drop(channel);
    nursery.over().await;
}

#[tokio::test]
async fn standard_error_is_shown_with_a_mark_and_without_what_a_terminal_obeys() {
    let log = Log::new();
    let nursery = Nursery::new();
    let script = r"printf 'plain\n\033[31mred\033[0m\n\033]0;title\007x\rfake\n\n' >&2;
        printf '\342\200\256reversed\n\377\nthe last has no end' >&2";
    let child = nursery.start(shell(script));
    let (_, reason) = end(child.channel).await;
    assert!(reason.unwrap().ends_with("the last has no end"));
    nursery.over().await;
    let shown: Vec<_> = log
        .text()
        .lines()
        .filter_map(|line| {
            Some(line.split_once("[SERVER] ")?.1.split(" session=").next()?.to_owned())
        })
        .collect();
    let expected =
        ["plain", "red", " ]0;title x fake", " reversed", "\u{fffd}", "the last has no end"];
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_flood_on_standard_error_holds_up_nobody_and_is_hardly_logged() {
    const LINES: u64 = 50_000;
    let log = Log::new();
    let nursery = Nursery::new();
    let script = format!("yes trouble | head -n {LINES} >&2; exec cat");
    let mut child = nursery.start(shell(&script));
    assert_eq!(ask(&mut child.channel, &notification("a")).await, notification("a"));
    let counts = || nursery.children().counts();
    until("all lines", || counts().stderr_lines == LINES).await;
    let logged = log.count("[SERVER] trouble");
    assert!((100..1000).contains(&logged), "{logged}");
    assert_eq!(counts().unlogged_lines + logged as u64, LINES);
    drop(child);
    nursery.over().await;
    assert!(log.has("lines are not shown)"));
}

#[tokio::test]
async fn a_line_without_an_end_on_standard_error_costs_no_memory_and_holds_up_nobody() {
    let log = Log::new();
    let nursery = Nursery::new();
    let script = "yes | tr -d '\\n' | head -c 50000000 >&2; echo >&2; exec cat";
    let mut child = nursery.start(shell(script));
    assert_eq!(ask(&mut child.channel, &notification("a")).await, notification("a"));
    until("its end", || log.has("… (50000000 bytes)")).await;
    assert!(log.text().len() < 2 * limits::CHILD_LINE_BYTES);
    drop(child);
    nursery.over().await;
}

#[tokio::test]
async fn what_cannot_be_started_is_said_before_and_at_the_start() {
    let nursery = Nursery::new();
    let mut config = program("cat", &[]);
    config.directory = Some("/nowhere".into());
    assert!(config.check().unwrap_err().line().contains("cannot use the folder `/nowhere`"));
    let missing = program("no-such-program", &[]).check().unwrap_err();
    assert_eq!(missing.error, "cannot find the program `no-such-program`");
    assert!(missing.hint.is_some());
    // It was there when it was looked for.
    let folder = tempfile::tempdir().unwrap();
    let mut config = program("cat", &[]);
    config.directory = Some(folder.path().to_owned());
    let launch = config.check().unwrap();
    drop(folder);
    let failure = nursery.children().spawn(&launch, "test", ()).unwrap_err();
    assert_eq!(failure.kind.as_str(), "not_sent");
    assert_eq!(failure.report.error, "cannot start the server process `cat`");
    assert_eq!(nursery.children().running(), 0);
    nursery.over().await;
}

#[tokio::test]
async fn the_debug_output_of_a_configuration_holds_no_secret() {
    let mut config = program("cat", &["--token", "marker"]);
    config.environment.push(("API_KEY".into(), "marker".into()));
    config.exit_grace = Duration::ZERO;
    let shown = format!("{config:?} {:?}", config.clone().check().unwrap());
    assert!(shown.contains("API_KEY") && !shown.contains("marker"), "{shown}");
}

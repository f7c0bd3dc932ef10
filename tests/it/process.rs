//! The conversation with a child process: bytes, arguments, environment, descriptors, flow.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use mcp_secure_remote::limits;
use mcp_secure_remote::transport::process::child_environment;
use tokio::time::timeout;

use crate::support::children::Nursery;
use crate::support::children::ask;
use crate::support::children::end;
use crate::support::children::message;
use crate::support::children::next;
use crate::support::children::notification;
use crate::support::children::program;
use crate::support::children::shell;
use crate::support::children::until;

#[tokio::test]
async fn messages_reach_a_child_and_come_back_as_the_same_bytes() {
    let nursery = Nursery::new();
    let mut cat = nursery.start(program("cat", &[]));
    for line in [
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":123456789012345678901234567890}}"#,
        r#"{ "id" : "é\u0061" , "jsonrpc":"2.0", "result":{} }"#,
        r#"{"jsonrpc":"2.0","method":"漢"}"#,
    ] {
        assert_eq!(ask(&mut cat.channel, line).await, line);
    }
    drop(cat);
    nursery.over().await;
}

#[tokio::test]
async fn thousands_of_messages_pass_in_their_order() {
    const COUNT: usize = 20_000;
    let nursery = Nursery::new();
    let mut cat = nursery.start(program("cat", &[]));
    let sender = cat.channel.sender.clone();
    let send = async move {
        for number in 0..COUNT {
            sender.send(message(&notification(&number.to_string()))).await.unwrap();
        }
    };
    let receive = async {
        for number in 0..COUNT {
            assert_eq!(next(&mut cat.channel).await, notification(&number.to_string()));
        }
    };
    tokio::join!(send, receive);
    drop(cat);
    nursery.over().await;
}

#[tokio::test]
async fn large_messages_pass_unchanged() {
    let nursery = Nursery::new();
    let mut cat = nursery.start(program("cat", &[]));
    for size in [limits::WRITE_BYTES, limits::WRITE_BYTES + 1, 5_000_000] {
        let line = notification(&"x".repeat(size - notification("").len()));
        assert!(ask(&mut cat.channel, &line).await == line, "{size} bytes");
    }
    drop(cat);
    nursery.over().await;
}

#[tokio::test]
async fn arguments_arrive_as_they_are_without_a_shell() {
    let nursery = Nursery::new();
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["; touch x", "$(touch x)", "| tee x", "`touch x`", "> x", "*", "a  b", ""];
    let script = r#"for a; do printf '{"jsonrpc":"2.0","method":"%s"}\n' "$a"; done"#;
    let mut config = program("sh", &[&["-c", script, "sh"][..], &arguments].concat());
    config.directory = Some(folder.path().to_owned());
    let (messages, _) = end(nursery.start(config).channel).await;
    assert_eq!(messages, arguments.map(notification));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    nursery.over().await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_child_sees_the_environment_that_was_made_for_it_and_no_other() {
    let ours = [
        ("PATH", "/usr/bin:/bin"),
        ("LC_ALL", "C"),
        ("MCP_REMOTE_TLS_PASSPHRASE", "marker"),
        ("JWT_SECRET", "marker"),
        ("API_KEY", "k"),
    ];
    let ours = ours.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let set = [("MODE".to_owned(), OsString::from("x y"))];
    let mut config = program("cat", &[]);
    config.environment = child_environment(ours, &["API_KEY".to_owned()], &set);
    let nursery = Nursery::new();
    let cat = nursery.start(config);
    let mut environment = String::new();
    until("environment", || {
        environment = fs::read_to_string(format!("/proc/{}/environ", cat.pid)).unwrap();
        !environment.is_empty()
    })
    .await;
    let environment: BTreeSet<_> = environment.split_terminator('\0').collect();
    let seen = ["API_KEY=k", "LC_ALL=C", "MODE=x y", "PATH=/usr/bin:/bin"];
    assert_eq!(environment, BTreeSet::from(seen));
    drop(cat);
    nursery.over().await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_child_has_three_descriptors_its_own_group_and_the_folder_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("open")).unwrap();
    // As a service manager hands it on: open for every program.
    let _inherited = rustix::io::dup(&file).unwrap();
    let nursery = Nursery::new();
    let first = nursery.start(program("cat", &[]));
    let mut config = program("cat", &[]);
    config.directory = Some(folder.path().to_owned());
    let second = nursery.start(config);
    for pid in [first.pid, second.pid] {
        // Those that a new program does not get close while it begins.
        until("three descriptors", || {
            let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
            let open: BTreeSet<_> = open.map(|entry| entry.file_name()).collect();
            open == ["0", "1", "2"].map(OsString::from).into()
        })
        .await;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let group = stat.rsplit_once(')').unwrap().1.split(' ').nth(3).unwrap();
        assert_eq!(group, pid.to_string());
    }
    let place = fs::read_link(format!("/proc/{}/cwd", second.pid)).unwrap();
    assert_eq!(place, folder.path().canonicalize().unwrap());
    drop((first, second));
    nursery.over().await;
}

#[tokio::test]
async fn a_child_that_does_not_read_makes_its_own_channel_wait_and_no_other() {
    let nursery = Nursery::new();
    let mut config = shell("exec sleep 1000");
    config.exit_grace = Duration::ZERO;
    let deaf = nursery.start(config);
    let mut cat = nursery.start(program("cat", &[]));
    let large = message(&notification(&"x".repeat(limits::CHANNEL_BYTES)));
    let flood = async {
        loop {
            deaf.channel.sender.send(large.clone()).await.unwrap();
        }
    };
    let talk = async {
        for number in 0..100 {
            let line = notification(&number.to_string());
            assert_eq!(ask(&mut cat.channel, &line).await, line);
        }
    };
    tokio::select! {
        () = flood => {}
        () = talk => {}
    }
    // More than its pipe and its queue hold is on its way: there is no end to that wait.
    let waits = timeout(Duration::from_millis(50), async {
        loop {
            deaf.channel.sender.send(large.clone()).await.unwrap();
        }
    });
    assert!(waits.await.is_err());
    drop((deaf, cat));
    nursery.over().await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_child_whose_messages_nobody_takes_has_to_wait() {
    let nursery = Nursery::new();
    let line = notification(&"x".repeat(1000));
    let mut config = program("yes", &[&line]);
    config.exit_grace = Duration::ZERO;
    let mut yes = nursery.start(config);
    let place = format!("/proc/{}/wchan", yes.pid);
    let mut looks = 0;
    until("child that waits", || {
        let waits = fs::read_to_string(&place).unwrap().contains("pipe_write");
        looks = if waits { looks + 1 } else { 0 };
        looks == 20
    })
    .await;
    for _ in 0..10_000 {
        assert_eq!(next(&mut yes.channel).await, line, "it goes on");
    }
    drop(yes);
    nursery.over().await;
}

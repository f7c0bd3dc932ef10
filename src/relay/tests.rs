use std::future::pending;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::channel::Channel;
use crate::limits;
use crate::message::Message;
use crate::relay::End;
use crate::relay::Manner;
use crate::relay::run;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;

const MANNER: Manner = Manner { drain: limits::DRAIN_TIMEOUT, name: "the bridge", label: None };

/// Both far ends of a relay that runs.
struct Ends {
    host: Channel,
    remote: Channel,
    ended: oneshot::Receiver<End>,
    tasks: crate::task::Tasks,
}

fn relay() -> Ends {
    let (host, near_host) = Channel::pair();
    let (remote, near_remote) = Channel::pair();
    let (done, ended) = oneshot::channel();
    let tasks = crate::task::Tasks::new();
    tasks.spawn(async move {
        let _ = done.send(run(near_host, near_remote, MANNER, pending()).await);
    });
    Ends { host, remote, ended, tasks }
}

fn message(text: &str) -> Message {
    // The member that all messages have is added.
    Message::parse(Bytes::from(text.replacen('{', r#"{"jsonrpc":"2.0","#, 1))).unwrap()
}

async fn hear(channel: &mut Channel) -> serde_json::Value {
    let message = channel.receiver.recv().await.expect("a message");
    serde_json::from_slice(message.bytes()).unwrap()
}

const CALL: &str = r#"{"id":1,"method":"tools/call"}"#;
const NOTE: &str = r#"{"method":"note"}"#;

#[tokio::test]
async fn the_first_answer_counts_and_no_other() {
    let mut ends = relay();
    ends.host.sender.send(message(CALL)).await.unwrap();
    assert_eq!(hear(&mut ends.remote).await["method"], "tools/call");
    for answer in [r#"{"id":2,"result":0}"#, r#"{"id":"1","result":0}"#, r#"{"id":1,"result":7}"#] {
        ends.remote.sender.send(message(answer)).await.unwrap();
    }
    ends.remote.sender.send(message(r#"{"id":1,"result":8}"#)).await.unwrap();
    ends.remote.sender.send(message(NOTE)).await.unwrap();
    assert_eq!(hear(&mut ends.host).await["result"], 7);
    assert_eq!(hear(&mut ends.host).await["method"], "note");
}

#[tokio::test]
async fn an_id_in_use_is_refused() {
    let mut ends = relay();
    ends.host.sender.send(message(CALL)).await.unwrap();
    ends.host.sender.send(message(CALL)).await.unwrap();
    assert_eq!(hear(&mut ends.host).await["error"]["code"], -32600);
}

#[tokio::test]
async fn too_many_requests_are_refused_and_safe_to_send_again() {
    let mut ends = relay();
    for id in 0..=limits::MAX_IN_FLIGHT {
        let request = message(&format!(r#"{{"id":{id},"method":"m"}}"#));
        ends.host.sender.send(request).await.unwrap();
        if id < limits::MAX_IN_FLIGHT {
            hear(&mut ends.remote).await;
        }
    }
    let refused = hear(&mut ends.host).await;
    assert_eq!(refused["id"], limits::MAX_IN_FLIGHT);
    assert_eq!(refused["error"]["data"]["kind"], "overloaded");
    assert_eq!(refused["error"]["data"]["retrySafe"], true);
}

#[tokio::test]
async fn a_cancelled_request_gets_no_answer() {
    let mut ends = relay();
    let cancel = r#"{"method":"notifications/cancelled","params":{"requestId":1}}"#;
    ends.host.sender.send(message(CALL)).await.unwrap();
    ends.host.sender.send(message(cancel)).await.unwrap();
    hear(&mut ends.remote).await;
    assert_eq!(hear(&mut ends.remote).await["method"], "notifications/cancelled");
    ends.remote.sender.send(message(r#"{"id":1,"result":7}"#)).await.unwrap();
    ends.remote.sender.send(message(NOTE)).await.unwrap();
    assert_eq!(hear(&mut ends.host).await["method"], "note");
}

#[tokio::test]
async fn initialize_cannot_be_cancelled() {
    let mut ends = relay();
    ends.host.sender.send(message(r#"{"id":1,"method":"initialize"}"#)).await.unwrap();
    let cancel = r#"{"method":"notifications/cancelled","params":{"requestId":1}}"#;
    ends.host.sender.send(message(cancel)).await.unwrap();
    hear(&mut ends.remote).await;
    hear(&mut ends.remote).await;
    ends.remote.sender.send(message(r#"{"id":1,"result":7}"#)).await.unwrap();
    assert_eq!(hear(&mut ends.host).await["result"], 7);
}

#[tokio::test]
async fn a_remote_that_is_lost_answers_all_that_waits_with_its_reason() {
    let mut ends = relay();
    ends.host.sender.send(message(CALL)).await.unwrap();
    hear(&mut ends.remote).await;
    ends.remote.sender.fail(Failure::new(Kind::Tls, Report::new("no trust")));
    drop(ends.remote);
    let answer = hear(&mut ends.host).await;
    assert_eq!(answer["id"], 1);
    assert_eq!(answer["error"]["data"]["kind"], "tls");
    let end = ends.ended.await.unwrap();
    assert!(matches!(end, End::Remote(Some(failure)) if failure.report.error == "no trust"));
}

#[tokio::test(start_paused = true)]
async fn after_the_last_message_what_is_in_flight_may_finish() {
    let mut ends = relay();
    ends.host.sender.send(message(CALL)).await.unwrap();
    let Channel { sender, mut receiver } = ends.host;
    drop(sender);
    hear(&mut ends.remote).await;
    ends.remote.sender.send(message(r#"{"id":1,"result":7}"#)).await.unwrap();
    assert!(receiver.recv().await.is_some());
    assert!(ends.remote.receiver.recv().await.is_none(), "the remote hears of the end");
    drop(ends.remote);
    assert!(matches!(ends.ended.await.unwrap(), End::Host));
    assert!(receiver.recv().await.is_none());
    drop(ends.tasks);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_finish_in_time_is_answered_with_an_unknown_outcome() {
    let mut ends = relay();
    ends.host.sender.send(message(CALL)).await.unwrap();
    let Channel { sender, mut receiver } = ends.host;
    drop(sender);
    hear(&mut ends.remote).await;
    let answer = receiver.recv().await.expect("an answer");
    let answer: serde_json::Value = serde_json::from_slice(answer.bytes()).unwrap();
    assert_eq!(answer["error"]["data"]["kind"], "outcome_unknown");
    assert!(matches!(ends.ended.await.unwrap(), End::Host));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_gone_ends_it_at_once() {
    let mut ends = relay();
    let Channel { sender, receiver } = ends.host;
    sender.send(message(CALL)).await.unwrap();
    hear(&mut ends.remote).await;
    drop(receiver);
    assert!(ends.remote.receiver.recv().await.is_none(), "the remote hears of the end");
    drop(ends.remote);
    assert!(matches!(ends.ended.await.unwrap(), End::Lost));
    drop(sender);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_gone_with_nothing_to_come_loses_nothing() {
    let mut ends = relay();
    let Channel { sender, receiver } = ends.host;
    drop(receiver);
    assert!(ends.remote.receiver.recv().await.is_none(), "the remote hears of the end");
    drop(ends.remote);
    assert!(matches!(ends.ended.await.unwrap(), End::Host));
    drop(sender);
}

#[tokio::test]
async fn an_answer_that_comes_when_the_host_is_gone_is_lost() {
    let mut ends = relay();
    ends.host.sender.send(message(CALL)).await.unwrap();
    hear(&mut ends.remote).await;
    // Both before the relay can look.
    ends.remote.sender.try_send(message(r#"{"id":1,"result":7}"#)).unwrap();
    let Channel { sender, receiver } = ends.host;
    drop(receiver);
    drop(ends.remote);
    assert!(matches!(ends.ended.await.unwrap(), End::Lost));
    drop(sender);
}

#[tokio::test(start_paused = true)]
async fn a_remote_that_fails_after_the_last_message_is_the_reason() {
    let mut ends = relay();
    ends.host.sender.send(message(CALL)).await.unwrap();
    let Channel { sender, receiver } = ends.host;
    drop(sender);
    hear(&mut ends.remote).await;
    ends.remote.sender.fail(Failure::new(Kind::Tls, Report::new("no trust")));
    drop(ends.remote);
    assert!(matches!(ends.ended.await.unwrap(), End::Remote(Some(_))));
    drop(receiver);
}

#[tokio::test]
async fn a_flood_both_ways_does_not_stand_still() {
    let mut ends = relay();
    let flood = 10 * limits::CHANNEL_MESSAGES;
    let Channel { sender: host, receiver: mut from_remote } = ends.host;
    let Channel { sender: remote, receiver: mut from_host } = ends.remote;
    let fill = |to: crate::channel::Sender| async move {
        for _ in 0..flood {
            to.send(message(NOTE)).await.unwrap();
        }
    };
    let drain = async {
        for _ in 0..flood {
            from_host.recv().await.unwrap();
        }
        for _ in 0..flood {
            from_remote.recv().await.unwrap();
        }
    };
    tokio::join!(fill(host.clone()), fill(remote.clone()), drain);
    assert!(ends.ended.try_recv().is_err(), "it still runs");
}

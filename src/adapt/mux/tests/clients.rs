//! What clients say, and what comes back to them.

use crate::adapt::Era;
use crate::adapt::mux::Mux;
use crate::adapt::mux::Settings;
use crate::adapt::mux::tests::Client;
use crate::adapt::mux::tests::Server;
use crate::adapt::mux::tests::message;
use crate::adapt::mux::tests::next;
use crate::adapt::mux::tests::share;
use crate::channel::Channel;
use crate::message::Message;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;

#[tokio::test]
async fn an_answer_comes_to_who_asked_under_the_id_as_it_was_written() {
    let (mux, mut server) = share(Era::Modern);
    let ids = ["0", "1", r#""1""#, r#""\u0061""#, "-7", "1.0", "1e2"];
    let long = ["123456789012345678901234567890", r#""1000000000""#, "18446744073709551616"];
    let (mut a, mut b) = (Client::of(&mux), Client::of(&mux));
    for id in ids.into_iter().chain(long) {
        a.says(&format!(r#""id":{id},"method":"of/a""#)).await;
        b.says(&format!(r#""id":{id},"method":"of/b""#)).await;
        let (at_a, at_b) = (server.asked("of/a").await, server.asked("of/b").await);
        assert_ne!(at_a, at_b);
        server.says(&format!(r#""id":{at_b},"result":"for b""#)).await;
        server.says(&format!(r#""id":{at_a},"error":{{"code":1,"message":"for a"}}"#)).await;
        let for_a = format!(r#""id":{id},"error":{{"code":1,"message":"for a"}}"#);
        assert_eq!(a.hears().await, for_a);
        assert_eq!(b.hears().await, format!(r#""id":{id},"result":"for b""#));
    }
    assert_eq!((mux.in_flight(), mux.dropped()), (0, 0));
}

#[tokio::test]
async fn nothing_but_what_names_a_request_changes() {
    let (mux, mut server) = share(Era::Modern);
    let mut client = Client::of(&mux);
    let odd = r#"  "params" : {"x":1.10,"id":5, "_meta":{ "a":"\u00e9","progressToken" : "t\"1","progress":7},
        "n":123456789012345678901234567890}, "other":[ ] ,"method":"tools\/call","id" : "x\/y" "#;
    client.says(odd).await;
    let heard = server.hears().await;
    let number = heard.rsplit(" : ").next().unwrap().trim().to_owned();
    let expected =
        odd.replace(r#""x\/y""#, &number).replace(r#""t\"1""#, &number).replace('\n', " ");
    assert_eq!(heard, expected);
    let odd =
        r#" "result" : {"id":1000000000,"_meta":{"progressToken":1000000000}, "n":1.0 } ,"id" :"#;
    server.says(&format!("{odd} {number}  ")).await;
    assert_eq!(client.hears().await, format!(r#"{odd} "x\/y"  "#));
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_dropped_and_counted() {
    let (mux, mut server) = share(Era::Modern);
    let mut client = Client::of(&mux);
    client.says(r#""id":1,"method":"m""#).await;
    let number = server.asked("m").await;
    for id in ["1", "null", r#""x""#, &format!("\"{number}\""), &number, &number] {
        server.says(&format!(r#""id":{id},"result":{{}}"#)).await;
    }
    assert_eq!(client.hears().await, r#""id":1,"result":{}"#);
    client.hears_nothing().await;
    assert_eq!(mux.dropped(), 5);
}

#[tokio::test]
async fn a_cancellation_names_the_request_as_the_server_knows_it() {
    let (mux, mut server) = share(Era::Modern);
    let (mut a, mut b) = (Client::of(&mux), Client::of(&mux));
    a.says(r#""id":1,"method":"m""#).await;
    let number = server.asked("m").await;
    let cancel = r#""method":"notifications/cancelled","params":{"requestId":1,"reason":"n"}"#;
    b.says(cancel).await;
    server.hears_nothing().await;
    a.says(cancel).await;
    assert_eq!(server.hears().await, cancel.replace(":1,", &format!(":{number},")));
    a.says(cancel).await;
    server.says(&format!(r#""id":{number},"result":"late""#)).await;
    server.hears_nothing().await;
    a.hears_nothing().await;
    b.hears_nothing().await;
    assert_eq!((mux.in_flight(), mux.dropped()), (0, 3));
}

#[tokio::test]
async fn initialize_is_never_cancelled() {
    let (mux, mut server) = share(Era::Legacy);
    let client = Client::of(&mux);
    client.says(r#""id":1,"method":"initialize""#).await;
    server.asked("initialize").await;
    client.says(r#""method":"notifications/cancelled","params":{"requestId":1}"#).await;
    drop(client);
    server.hears_nothing().await;
    assert_eq!(mux.in_flight(), 0);
}

#[tokio::test]
async fn what_a_server_could_read_in_another_way_does_not_reach_it() {
    let (mux, mut server) = share(Era::Legacy);
    let mut client = Client::of(&mux);
    client.says(r#""id":1,"method":"open""#).await;
    let number = server.asked("open").await;
    for params in [
        r#"{"_meta":{"progressToken":1,"ProgressToken":1000000000}}"#,
        r#"{"_meta":{"progressToken":1,"progressToken":1000000000}}"#,
        r#"{"_meta":{},"_Meta":{"progressToken":1000000000}}"#,
        r#"{"_meta":{},"_meta":{"progressToken":1000000000}}"#,
    ] {
        client.says(&format!(r#""id":2,"method":"m","params":{params}"#)).await;
        assert!(client.hears().await.starts_with(r#""id":2,"error":{"code":-32600,"#), "{params}");
    }
    for params in [
        format!(r#"{{"requestId":1,"RequestID":{number}}}"#),
        format!(r#"{{"requestId":1,"requestId":{number}}}"#),
        format!(r#"{{"requestId":{number}}}"#),
        "{}".to_owned(),
    ] {
        client.says(&format!(r#""method":"notifications/cancelled","params":{params}"#)).await;
    }
    server.hears_nothing().await;
    assert_eq!((mux.in_flight(), mux.dropped()), (1, 4));
}

#[tokio::test]
async fn a_client_that_leaves_cancels_what_it_asked() {
    let (mux, mut server) = share(Era::Modern);
    assert!(mux.idle_since().is_some(), "nobody came yet");
    let (a, mut b) = (Client::of(&mux), Client::of(&mux));
    a.says(r#""id":1,"method":"m""#).await;
    b.says(r#""id":1,"method":"m""#).await;
    let (of_a, of_b) = (server.asked("m").await, server.asked("m").await);
    assert_eq!((mux.clients(), mux.in_flight(), mux.idle_since()), (2, 2, None));
    drop(a);
    let cancelled = format!(
        r#""method":"notifications/cancelled","params":{{"requestId":{of_a},"reason":"the client has gone"}}"#
    );
    assert_eq!(server.hears().await, cancelled);
    assert_eq!((mux.clients(), mux.in_flight(), mux.idle_since()), (1, 1, None));
    server.says(&format!(r#""id":{of_a},"result":"late""#)).await;
    server.says(&format!(r#""id":{of_b},"result":"b""#)).await;
    assert_eq!(b.hears().await, r#""id":1,"result":"b""#);
    drop(b);
    server.hears_nothing().await;
    assert_eq!(mux.dropped(), 1);
    assert!(mux.idle_since().is_some());
}

#[tokio::test]
async fn a_client_can_leave_without_a_cancellation() {
    let (near, far) = Channel::pair();
    let mux = Mux::new(near, Settings { era: Era::Legacy, cancel_on_leave: false });
    let mut server = Server(far);
    let client = Client::of(&mux);
    client.says(r#""id":1,"method":"m""#).await;
    server.asked("m").await;
    drop(client);
    server.hears_nothing().await;
    assert_eq!(mux.in_flight(), 0);
}

#[tokio::test]
async fn an_id_in_use_is_refused_and_the_first_one_is_still_answered() {
    let (mux, mut server) = share(Era::Modern);
    let mut client = Client::of(&mux);
    client.says(r#""id":"\u0061","method":"m""#).await;
    client.says(r#""id":"a","method":"m""#).await;
    let number = server.asked("m").await;
    let refusal = client.hears().await;
    assert!(refusal.starts_with(r#""id":"a","error":{"code":-32600,"#), "{refusal}");
    server.says(&format!(r#""id":{number},"result":{{}}"#)).await;
    assert_eq!(client.hears().await, r#""id":"\u0061","result":{}"#);
    client.says(r#""id":"a","method":"again""#).await;
    server.asked("again").await;
}

#[tokio::test]
async fn the_parts_of_a_batch_go_one_by_one() {
    let (mux, mut server) = share(Era::Legacy);
    let client = Client::of(&mux);
    let parts = [r#""id":1,"method":"a""#, r#""method":"b""#, r#""id":2,"method":"c""#];
    let parts = parts.map(|part| format!(r#"{{"jsonrpc":"2.0",{part}}}"#));
    let batch = Message::parse(format!("[{}]", parts.join(",")).into()).unwrap();
    client.sender.send(batch).await.unwrap();
    server.asked("a").await;
    assert_eq!(server.hears().await, r#""method":"b""#);
    server.asked("c").await;
}

#[tokio::test]
async fn when_the_server_goes_every_open_request_is_answered_once_with_the_reason() {
    let (mux, mut server) = share(Era::Modern);
    let (mut a, mut b) = (Client::of(&mux), Client::of(&mux));
    a.says(r#""id":"\u0061","method":"m""#).await;
    b.says(r#""id":1,"method":"m""#).await;
    b.says(r#""id":2,"method":"m""#).await;
    server.asked("m").await;
    let second = server.asked("m").await;
    server.says(&format!(r#""id":{second},"result":{{}}"#)).await;
    assert_eq!(b.hears().await, r#""id":1,"result":{}"#);
    let reason = Report::new("the server process exited with status 1");
    server.0.sender.fail(Failure::new(Kind::OutcomeUnknown, reason));
    drop(server);
    for (client, id) in [(&mut a, r#""\u0061""#), (&mut b, "2")] {
        let answer = client.hears().await;
        assert!(answer.starts_with(&format!(r#""id":{id},"error":{{"#)), "{answer}");
        assert!(answer.contains("exited with status 1"), "{answer}");
        assert!(answer.contains(r#""kind":"outcome_unknown","method":"m","retrySafe":false"#));
        assert!(client.receiver.recv().await.is_none());
        let told = client.receiver.reason().unwrap();
        assert_eq!(told.report.error, "the server process exited with status 1");
        assert!(client.sender.send(message(r#""id":9,"method":"m""#)).await.is_err());
    }
    assert_eq!(mux.over().await.unwrap().report.error, "the server process exited with status 1");
    let refused = mux.join().unwrap_err();
    assert_eq!(refused.report.error, "the server process exited with status 1");
    assert_eq!((refused.kind, refused.retry_safe), (Kind::NotSent, true));
    assert_eq!((mux.clients(), mux.in_flight()), (0, 0));
    assert!(mux.idle_since().is_some());
}

#[tokio::test]
async fn when_the_mux_goes_its_clients_and_its_server_are_told() {
    let (mux, mut server) = share(Era::Modern);
    let mut client = Client::of(&mux);
    client.says(r#""id":1,"method":"m""#).await;
    server.asked("m").await;
    drop(mux);
    assert!(client.hears().await.starts_with(r#""id":1,"error":{"#));
    assert!(client.receiver.recv().await.is_none());
    assert!(server.0.receiver.recv().await.is_none());
    server.0.sender.gone().await;
}

#[tokio::test]
async fn a_client_as_a_channel_is_answered_after_it_has_said_all() {
    let (mux, mut server) = share(Era::Legacy);
    let Channel { sender, mut receiver } = mux.channel().unwrap();
    sender.send(message(r#""id":1,"method":"m""#)).await.unwrap();
    drop(sender);
    let number = server.asked("m").await;
    server.says(r#""method":"notifications/tools/list_changed""#).await;
    server.says(&format!(r#""id":{number},"result":{{}}"#)).await;
    let expected = [r#""method":"notifications/tools/list_changed""#, r#""id":1,"result":{}"#];
    for expected in expected {
        assert_eq!(next(&mut receiver).await, expected);
    }
    assert!(receiver.recv().await.is_none());
    assert!(receiver.reason().is_none());
    assert_eq!(mux.clients(), 0);
}

#[tokio::test]
async fn a_client_as_a_channel_leaves_when_it_drops_it() {
    let (mux, mut server) = share(Era::Legacy);
    let channel = mux.channel().unwrap();
    channel.sender.send(message(r#""id":1,"method":"m""#)).await.unwrap();
    server.asked("m").await;
    drop(channel);
    assert!(server.hears().await.starts_with(r#""method":"notifications/cancelled""#));
    assert_eq!(mux.clients(), 0);
    let mut channel = mux.channel().unwrap();
    server.0.sender.fail(Failure::new(Kind::TooLarge, Report::new("why")));
    drop(server);
    assert!(channel.receiver.recv().await.is_none());
    assert_eq!(channel.receiver.reason().unwrap().report.error, "why");
}

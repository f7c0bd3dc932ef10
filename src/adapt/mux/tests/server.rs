//! What the server says of itself.

use crate::adapt::Era;
use crate::adapt::mux::tests::Client;
use crate::adapt::mux::tests::rest;
use crate::adapt::mux::tests::share;
use crate::message::Message;

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

#[tokio::test]
async fn progress_comes_to_who_asked_for_it_under_its_own_token() {
    let (mux, mut server) = share(Era::Legacy);
    let (mut a, mut b) = (Client::of(&mux), Client::of(&mux));
    let call = |token: &str| {
        format!(r#""id":1,"method":"m","params":{{"_meta":{{"progressToken":{token}}}}}"#)
    };
    let report = |token: &str| {
        format!(
            r#""method":"notifications/progress","params":{{"progress":0.50,"progressToken":{token}}}"#
        )
    };
    a.says(&call("1")).await;
    b.says(&call(r#""1""#)).await;
    let (of_a, of_b) = (server.asked("m").await, server.asked("m").await);
    server.says(&report(&of_b)).await;
    assert_eq!(b.hears().await, report(r#""1""#));
    server.says(&report(&of_a)).await;
    assert_eq!(a.hears().await, report("1"));
    server.says(&report(&format!("\"{of_a}\""))).await;
    assert_eq!(a.hears().await, report(r#""1""#), "made a string by the server");
    server.says(&format!(r#""id":{of_a},"result":{{}}"#)).await;
    a.hears().await;
    for token in ["1", "null", &of_a, &format!("{of_b},\"progressToken\":{of_b}")] {
        server.says(&report(token)).await;
    }
    server.says(r#""method":"notifications/progress""#).await;
    a.hears_nothing().await;
    b.hears_nothing().await;
    assert_eq!(mux.dropped(), 5);
}

#[tokio::test]
async fn who_asked_for_no_progress_gets_none() {
    let (mux, mut server) = share(Era::Legacy);
    let mut client = Client::of(&mux);
    client.says(r#""id":1,"method":"m","params":{"_meta":{"progressToken":null}}"#).await;
    let number = server.asked("m").await;
    server
        .says(&format!(
            r#""method":"notifications/progress","params":{{"progressToken":{number}}}"#
        ))
        .await;
    client.hears_nothing().await;
    assert_eq!(mux.dropped(), 1);
}

#[tokio::test]
async fn a_ping_of_the_server_is_answered_here() {
    let (mux, mut server) = share(Era::Legacy);
    let mut client = Client::of(&mux);
    server.says(r#""id":"\u0061","method":"ping""#).await;
    assert_eq!(server.hears().await, r#""id":"\u0061","result":{}"#);
    client.hears_nothing().await;
}

#[tokio::test]
async fn a_question_goes_to_the_client_with_the_newest_call_and_only_that_may_answer() {
    let (mux, mut server) = share(Era::Legacy);
    let (mut a, mut b) = (Client::of(&mux), Client::of(&mux));
    a.says(r#""id":1,"method":"m""#).await;
    server.asked("m").await;
    let question =
        r#""id":1,"method":"sampling/createMessage","params":{"_meta":{"progressToken":7}}"#;
    server.says(question).await;
    assert_eq!(a.hears().await, question, "the newest client has no call");
    b.hears_nothing().await;
    b.says(r#""id":1,"method":"m""#).await;
    server.asked("m").await;
    let other = question.replace(r#""id":1"#, r#""id":2"#).replace(":7", ":8");
    server.says(&other).await;
    assert_eq!(b.hears().await, other, "the newest call is its");
    a.hears_nothing().await;
    let progress = r#""method":"notifications/progress","params":{"progressToken":7}"#;
    b.says(progress).await;
    b.says(r#""id":1,"result":"of b""#).await;
    server.hears_nothing().await;
    a.says(progress).await;
    assert_eq!(server.hears().await, progress);
    a.says(r#""id":1,"result":"of a""#).await;
    assert_eq!(server.hears().await, r#""id":1,"result":"of a""#);
    a.says(r#""id":1,"result":"again""#).await;
    a.says(progress).await;
    server.hears_nothing().await;
    assert_eq!(mux.dropped(), 4);
}

#[tokio::test]
async fn without_a_call_a_question_goes_to_the_newest_client_and_without_clients_to_none() {
    let (mux, mut server) = share(Era::Legacy);
    server.says(r#""id":1,"method":"roots/list""#).await;
    let answer = server.hears().await;
    assert!(answer.starts_with(r#""id":1,"error":{"code":-32601,"#), "{answer}");
    let (mut a, mut b) = (Client::of(&mux), Client::of(&mux));
    server.says(r#""id":1,"method":"roots/list""#).await;
    assert_eq!(b.hears().await, r#""id":1,"method":"roots/list""#);
    server.says(r#""id":1,"method":"roots/list""#).await;
    let answer = server.hears().await;
    assert!(answer.starts_with(r#""id":1,"error":{"code":-32600,"#), "{answer}");
    drop(b);
    let answer = server.hears().await;
    assert!(answer.starts_with(r#""id":1,"error":{"code":-32603,"#), "{answer}");
    a.hears_nothing().await;
}

#[tokio::test]
async fn a_question_that_is_withdrawn_is_withdrawn_where_it_was_asked() {
    let (mux, mut server) = share(Era::Legacy);
    let (mut a, mut b) = (Client::of(&mux), Client::of(&mux));
    a.says(r#""id":5,"method":"m""#).await;
    server.asked("m").await;
    server.says(r#""id":5,"method":"elicitation/create""#).await;
    let withdrawn = r#""method":"notifications/cancelled","params":{"requestId":5}"#;
    server.says(withdrawn).await;
    server.says(withdrawn).await;
    assert_eq!(a.hears().await, r#""id":5,"method":"elicitation/create""#);
    assert_eq!(a.hears().await, withdrawn);
    a.says(r#""id":5,"result":"late""#).await;
    server.hears_nothing().await;
    a.hears_nothing().await;
    b.hears_nothing().await;
    assert_eq!((mux.in_flight(), mux.dropped()), (1, 2));
}

#[tokio::test]
async fn a_modern_server_asks_nobody_and_hears_no_answer() {
    let (mux, mut server) = share(Era::Modern);
    let mut client = Client::of(&mux);
    client.says(r#""id":1,"method":"m""#).await;
    server.asked("m").await;
    server.says(r#""id":1,"method":"ping""#).await;
    server.says(r#""id":2,"method":"roots/list""#).await;
    client.says(r#""id":2,"result":{}"#).await;
    client.hears_nothing().await;
    server.hears_nothing().await;
    assert_eq!(mux.dropped(), 3);
}

#[tokio::test]
async fn what_concerns_all_comes_to_all() {
    let (mux, server) = share(Era::Legacy);
    let (mut a, mut b) = (Client::of(&mux), Client::of(&mux));
    for news in [
        r#""method":"notifications/tools/list_changed""#,
        r#""method":"notifications/resources/updated","params":{"uri":"a:b"}"#,
        r#""method":"notifications/message","params":{"level":"info","data":1.0}"#,
    ] {
        server.says(news).await;
        assert_eq!(a.hears().await, news);
        assert_eq!(b.hears().await, news);
    }
}

#[tokio::test]
async fn a_batch_of_the_server_goes_to_whom_its_parts_belong() {
    let (mux, mut server) = share(Era::Legacy);
    let (mut a, mut b) = (Client::of(&mux), Client::of(&mux));
    a.says(r#""id":1,"method":"m""#).await;
    b.says(r#""id":1,"method":"m""#).await;
    let (of_a, of_b) = (server.asked("m").await, server.asked("m").await);
    let part = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
    let batch = format!("[{},{}]", part(&of_b), part(&of_a));
    server.0.sender.send(Message::parse(batch.into()).unwrap()).await.unwrap();
    assert_eq!(a.hears().await, r#""id":1,"result":{}"#);
    assert_eq!(b.hears().await, r#""id":1,"result":{}"#);
}

#[tokio::test]
async fn a_modern_log_message_comes_to_the_newest_call_that_asked_for_some() {
    let (mux, mut server) = share(Era::Modern);
    let (mut a, mut b, mut c) = (Client::of(&mux), Client::of(&mux), Client::of(&mux));
    let log = r#""method":"notifications/message","params":{"level":"info","data":1.0}"#;
    server.says(log).await;
    rest().await;
    let meta = |level: &str| {
        let key = "io.modelcontextprotocol/logLevel";
        format!(r#""id":1,"method":"m","params":{{"_meta":{{"{key}":{level}}}}}"#)
    };
    a.says(&meta(r#""debug""#)).await;
    b.says(&meta(r#""debug""#)).await;
    c.says(&meta("null")).await;
    c.says(r#""id":2,"method":"m""#).await;
    let (of_a, of_b) = (server.asked("m").await, server.asked("m").await);
    server.says(log).await;
    assert_eq!(b.hears().await, log);
    server.says(&format!(r#""id":{of_b},"result":{{}}"#)).await;
    server.says(log).await;
    assert_eq!(a.hears().await, log);
    server.says(&format!(r#""id":{of_a},"result":{{}}"#)).await;
    server.says(log).await;
    b.hears().await;
    a.hears().await;
    a.hears_nothing().await;
    b.hears_nothing().await;
    c.hears_nothing().await;
    assert_eq!(mux.dropped(), 2);
}

#[tokio::test]
async fn a_subscription_has_the_id_of_the_request_that_opened_it() {
    let (mux, mut server) = share(Era::Modern);
    let (mut a, mut b) = (Client::of(&mux), Client::of(&mux));
    let listen = r#""id":1,"method":"subscriptions/listen","params":{}"#;
    a.says(listen).await;
    b.says(&listen.replace(":1", ":\"1\"")).await;
    let of_a = server.asked("subscriptions/listen").await;
    let of_b = server.asked("subscriptions/listen").await;
    let news = |method: &str, id: &str| {
        format!(
            r#""method":"notifications/{method}","params":{{"_meta":{{"{SUBSCRIPTION}":{id}}}}}"#
        )
    };
    for method in ["subscriptions/acknowledged", "tools/list_changed"] {
        server.says(&news(method, &of_b)).await;
        assert_eq!(b.hears().await, news(method, "\"1\""));
        server.says(&news(method, &of_a)).await;
        assert_eq!(a.hears().await, news(method, "1"));
        server.says(&news(method, &format!("\"{of_a}\""))).await;
        assert_eq!(a.hears().await, news(method, "\"1\""), "made a string by the server");
    }
    let result = |id: &str| format!(r#""id":{id},"result":{{"_meta":{{"{SUBSCRIPTION}":{id}}}}}"#);
    server.says(&result(&of_a)).await;
    assert_eq!(a.hears().await, result("1"));
    server.says(&news("tools/list_changed", &of_a)).await;
    let end =
        |id: &str| format!(r#""method":"notifications/cancelled","params":{{"requestId":{id}}}"#);
    server.says(&end(&of_b)).await;
    assert_eq!(b.hears().await, end("\"1\""));
    server.says(&news("tools/list_changed", &of_b)).await;
    server.says(&end(&of_b)).await;
    a.hears_nothing().await;
    b.hears_nothing().await;
    assert_eq!((mux.in_flight(), mux.dropped()), (0, 3));
    drop((a, b));
    server.hears_nothing().await;
}

#[tokio::test]
async fn a_server_ends_no_request_but_a_subscription() {
    let (mux, mut server) = share(Era::Modern);
    let mut client = Client::of(&mux);
    client.says(r#""id":1,"method":"tools/call""#).await;
    let number = server.asked("tools/call").await;
    let end = format!(r#""method":"notifications/cancelled","params":{{"requestId":{number}}}"#);
    server.says(&end).await;
    server.says(&format!(r#""id":{number},"result":{{}}"#)).await;
    assert_eq!(client.hears().await, r#""id":1,"result":{}"#);
}

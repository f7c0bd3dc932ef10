//! Nobody can cost more than a bound, or hold up the others for long.

use std::time::Duration;

use crate::adapt::Era;
use crate::adapt::mux::lock;
use crate::adapt::mux::tests::Client;
use crate::adapt::mux::tests::MOMENT;
use crate::adapt::mux::tests::aside;
use crate::adapt::mux::tests::message;
use crate::adapt::mux::tests::rest;
use crate::adapt::mux::tests::share;
use crate::channel::Channel;
use crate::limits;
use crate::report::Kind;

#[tokio::test]
async fn requests_are_bounded_for_each_client_and_for_all() {
    let (mux, mut server) = share(Era::Modern);
    let mut reading = aside(async move { while server.0.receiver.recv().await.is_some() {} });
    let mut clients: Vec<Client> = (0..5).map(|_| Client::of(&mux)).collect();
    for client in &mut clients[..4] {
        for id in 0..=limits::MAX_IN_FLIGHT {
            client.says(&format!(r#""id":{id},"method":"m""#)).await;
        }
        let refusal = client.hears().await;
        assert!(refusal.starts_with(&format!(r#""id":{},"error""#, limits::MAX_IN_FLIGHT)));
        assert!(refusal.contains("this client"), "{refusal}");
        assert!(refusal.contains(r#""kind":"overloaded","retrySafe":true"#), "{refusal}");
        client.hears_nothing().await;
    }
    assert_eq!(mux.in_flight(), limits::MAX_SHARED_IN_FLIGHT);
    clients[4].says(r#""id":0,"method":"m""#).await;
    let refusal = clients[4].hears().await;
    assert!(refusal.contains("the clients of this server"), "{refusal}");
    drop(clients.remove(0));
    rest().await;
    clients[3].says(r#""id":0,"method":"m""#).await;
    clients[3].hears_nothing().await;
    drop(mux);
    (&mut reading).await.unwrap();
}

#[tokio::test]
async fn ids_as_large_as_messages_are_bounded_together() {
    let (mux, mut server) = share(Era::Modern);
    let mut client = Client::of(&mux);
    let large = |c: &str| format!(r#""id":"{}","method":"m""#, c.repeat(1024 * 1024));
    client.says(&large("a")).await;
    client.says(&large("b")).await;
    let number = server.asked("m").await;
    let refusal = client.hears().await;
    assert!(refusal.starts_with("\"id\":\"bbb") && refusal.contains("overloaded"));
    server.says(&format!(r#""id":{number},"result":{{}}"#)).await;
    assert_eq!(client.hears().await, large("a").replace(r#""method":"m""#, r#""result":{}"#));
    client.says(&large("b")).await;
    server.asked("m").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_off_and_the_others_do_not_wait() {
    let (mux, mut server) = share(Era::Legacy);
    let (mut slow, mut quick) = (Client::of(&mux), Client::of(&mux));
    slow.says(r#""id":1,"method":"m""#).await;
    let number = server.asked("m").await;
    let start = tokio::time::Instant::now();
    for count in 0..limits::CHANNEL_MESSAGES + limits::BACKLOG_MESSAGES / 2 {
        let news = format!(r#""method":"news","params":{{"n":{count}}}"#);
        server.says(&news).await;
        assert_eq!(quick.hears().await, news);
    }
    assert_eq!(start.elapsed(), Duration::ZERO, "nobody waited for the slow one");
    // Too late by a moment; then there is nobody any more.
    tokio::time::sleep(limits::STALLED_CLIENT - MOMENT).await;
    assert_eq!(mux.clients(), 2);
    tokio::time::sleep(MOMENT * 2).await;
    assert_eq!(mux.clients(), 1);
    let cancelled = server.hears().await;
    assert!(cancelled.contains("notifications/cancelled") && cancelled.contains(&number));
    let mut count = 0;
    while slow.receiver.recv().await.is_some() {
        count += 1;
    }
    assert_eq!(count, limits::CHANNEL_MESSAGES);
    assert_eq!(slow.receiver.reason().unwrap().kind, Kind::Overloaded);
    assert!(slow.sender.send(message(r#""method":"m""#)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_floods_a_slow_client_waits_for_it_and_nothing_is_lost() {
    let (mux, server) = share(Era::Legacy);
    let mut slow = Client::of(&mux);
    let count = 4 * (limits::CHANNEL_MESSAGES + limits::BACKLOG_MESSAGES);
    let flood = async {
        for n in 0..count {
            server.says(&format!(r#""method":"news","params":{{"n":{n}}}"#)).await;
        }
    };
    let reading = async {
        for n in 0..count {
            if n % 100 == 0 {
                tokio::time::sleep(limits::STALLED_CLIENT / 2).await;
            }
            assert_eq!(slow.hears().await, format!(r#""method":"news","params":{{"n":{n}}}"#));
        }
    };
    tokio::join!(flood, reading);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stays_away_holds_up_the_others_for_a_while_at_most() {
    let (mux, server) = share(Era::Legacy);
    let _slow = Client::of(&mux);
    let mut quick = Client::of(&mux);
    let count = 4 * (limits::CHANNEL_MESSAGES + limits::BACKLOG_MESSAGES);
    let start = tokio::time::Instant::now();
    let flood = async {
        for n in 0..count {
            server.says(&format!(r#""method":"news","params":{{"n":{n}}}"#)).await;
        }
    };
    let reading = async {
        for _ in 0..count {
            quick.hears().await;
        }
    };
    tokio::join!(flood, reading);
    assert!(start.elapsed() <= limits::STALLED_CLIENT + MOMENT * 10);
    assert_eq!(mux.clients(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_slow_all_the_time_does_not_hold_up_the_others_again_and_again() {
    let (mux, server) = share(Era::Legacy);
    let (mut slow, mut quick) = (Client::of(&mux), Client::of(&mux));
    let count = 4 * (limits::CHANNEL_MESSAGES + limits::BACKLOG_MESSAGES);
    let start = tokio::time::Instant::now();
    let flood = async {
        for n in 0..count {
            server.says(&format!(r#""method":"news","params":{{"n":{n}}}"#)).await;
        }
    };
    let reading = async {
        for _ in 0..count {
            quick.hears().await;
        }
        start.elapsed()
    };
    let dripping = async {
        while slow.receiver.recv().await.is_some() {
            tokio::time::sleep(limits::STALLED_CLIENT / 4).await;
        }
    };
    let (_, took, ()) = tokio::join!(flood, reading, dripping);
    assert!(took <= limits::STALLED_CLIENT + MOMENT * 10, "{took:?}");
    assert_eq!(slow.receiver.reason().unwrap().kind, Kind::Overloaded);
    assert_eq!(mux.clients(), 1);
}

#[tokio::test]
async fn a_request_that_is_given_up_while_it_waits_for_room_was_never_sent() {
    let (mux, mut server) = share(Era::Modern);
    let (a, mut b) = (Client::of(&mux), Client::of(&mux));
    for n in 0..limits::CHANNEL_MESSAGES {
        a.says(&format!(r#""method":"fill","params":{{"n":{n}}}"#)).await;
    }
    {
        let waiting = a.sender.send(message(r#""id":1,"method":"m""#));
        assert!(tokio::time::timeout(MOMENT, waiting).await.is_err());
    }
    assert_eq!(mux.in_flight(), 0);
    drop(a);
    for _ in 0..limits::CHANNEL_MESSAGES {
        assert!(server.hears().await.starts_with(r#""method":"fill""#));
    }
    server.hears_nothing().await;
    b.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_when_its_client_is_cut_off_is_cancelled_after_it_was_sent() {
    let (mux, mut server) = share(Era::Legacy);
    let client = Client::of(&mux);
    for _ in 0..limits::CHANNEL_MESSAGES {
        client.says(r#""method":"fill""#).await;
    }
    let waiting = client.sender.send(message(r#""id":1,"method":"m""#));
    let flooding = async {
        for _ in 0..=limits::CHANNEL_MESSAGES {
            server.says(r#""method":"news""#).await;
        }
        tokio::time::sleep(limits::STALLED_CLIENT * 2).await;
        assert_eq!(mux.clients(), 0);
        for _ in 0..limits::CHANNEL_MESSAGES {
            server.hears().await;
        }
        let number = server.asked("m").await;
        let cancelled = server.hears().await;
        assert!(cancelled.contains("notifications/cancelled") && cancelled.contains(&number));
        server.hears_nothing().await;
    };
    let (sent, ()) = tokio::join!(waiting, flooding);
    sent.unwrap();
}

#[tokio::test]
async fn nothing_overtakes_what_waits_in_the_backlog() {
    let (mux, _server) = share(Era::Legacy);
    let mut client = Client::of(&mux);
    let outbox = lock(&mux.shared.table).clients.values().next().unwrap().outbox.clone();
    let put = |n: usize| outbox.put(&mux.shared, message(&format!(r#""method":"m","n":{n}"#)));
    for n in 0..=limits::CHANNEL_MESSAGES {
        put(n);
    }
    // There is room in the queue now, and the task of the backlog had no turn yet.
    assert_eq!(client.hears().await, r#""method":"m","n":0"#);
    put(limits::CHANNEL_MESSAGES + 1);
    for n in 1..limits::CHANNEL_MESSAGES + 2 {
        assert_eq!(client.hears().await, format!(r#""method":"m","n":{n}"#));
    }
}

#[tokio::test]
async fn a_request_that_waits_when_the_mux_goes_waits_no_longer() {
    let (mux, _server) = share(Era::Modern);
    let client = Client::of(&mux);
    for _ in 0..limits::CHANNEL_MESSAGES {
        client.says(r#""method":"fill""#).await;
    }
    let waiting = client.sender.send(message(r#""id":1,"method":"m""#));
    let waiting = tokio::time::timeout(limits::STALLED_CLIENT, waiting);
    let going = async {
        rest().await;
        drop(mux);
    };
    let (sent, ()) = tokio::join!(waiting, going);
    assert!(sent.unwrap().is_err());
}

#[tokio::test]
async fn a_request_that_waits_when_the_server_goes_is_safe_to_send_again() {
    let (mux, server) = share(Era::Modern);
    let mut client = Client::of(&mux);
    for _ in 0..limits::CHANNEL_MESSAGES {
        client.says(r#""method":"fill""#).await;
    }
    let waiting = client.sender.send(message(r#""id":1,"method":"m""#));
    let going = async {
        rest().await;
        drop(server);
    };
    let (sent, ()) = tokio::join!(waiting, going);
    assert!(sent.is_err());
    let answer = client.hears().await;
    assert!(answer.contains(r#""kind":"not_sent","method":"m","retrySafe":true"#), "{answer}");
    assert!(client.receiver.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_nothing_any_more_but_lives_is_told_of() {
    let (mux, server) = share(Era::Modern);
    let Channel { sender, receiver } = server.0;
    drop(receiver);
    let mut client = Client::of(&mux);
    assert!(client.sender.send(message(r#""id":1,"method":"m""#)).await.is_err());
    let answer = client.hears().await;
    assert!(answer.contains(r#""kind":"not_sent""#), "{answer}");
    assert_eq!(mux.in_flight(), 0);
    drop(sender);
    assert!(client.receiver.recv().await.is_none());
}

#[tokio::test]
async fn a_server_that_asks_without_end_and_reads_nothing_costs_no_more() {
    let (mux, server) = share(Era::Legacy);
    let _client = Client::of(&mux);
    for n in 0..4 * limits::MAX_IN_FLIGHT {
        server.says(&format!(r#""id":{n},"method":"ping""#)).await;
    }
    rest().await;
    assert!(mux.dropped() > 0);
}

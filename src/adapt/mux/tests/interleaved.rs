//! Clients that all count from 0, in every order (CVE-2026-25536).

use std::collections::HashMap;
use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::prelude::any;
use proptest::proptest;

use crate::adapt::Era;
use crate::adapt::mux::tests::Client;
use crate::adapt::mux::tests::aside;
use crate::adapt::mux::tests::members;
use crate::adapt::mux::tests::message;
use crate::adapt::mux::tests::rest;
use crate::adapt::mux::tests::share;
use crate::adapt::mux::tests::taken;
use crate::channel::Receiver;
use crate::message::Message;

const CLIENTS: usize = 3;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A client asks, in one of several shapes.
    Ask { client: usize, shape: usize },
    /// The server reports on one of its open requests, then or never answers it.
    Report { which: usize },
    /// The server answers one of its open requests.
    Answer { which: usize },
    /// The server answers what it has answered before.
    AnswerAgain { which: usize },
    /// A client cancels its newest open request.
    Cancel { client: usize },
}

fn step() -> impl Strategy<Value = Step> {
    (0..8_u8, any::<usize>(), 0..CLIENTS, 0..SHAPES.len()).prop_map(
        |(kind, which, client, shape)| match kind {
            0..3 => Step::Ask { client, shape },
            3 => Step::Report { which },
            4..6 => Step::Answer { which },
            6 => Step::AnswerAgain { which },
            _ => Step::Cancel { client },
        },
    )
}

/// The members of requests: the id, the token (mostly the same text) and who asked stand in them.
const SHAPES: [&str; 4] = [
    r#""id":ID,"method":"m","params":{"of":OF,"_meta":{"progressToken":ID}}"#,
    r#" "params" : {"_meta" : { "progressToken" : ID , "x":1.10 },"of":OF} , "method":"m","id" : ID "#,
    r#""method":"m","id":ID,"params":{"of":OF,"n":123456789012345678901234567890}"#,
    r#""params":{"of":OF,"_meta":{"a":null}},"id":ID,"method":"m""#,
];

/// The ids of a client in their order: 0, "0", 1, "1" and so on, equal for all clients.
fn nth_id(n: usize) -> String {
    let number = n / 2;
    if n.is_multiple_of(2) { number.to_string() } else { format!("\"{number}\"") }
}

/// A request as the server knows it.
#[derive(Clone, Debug)]
struct AtServer {
    number: String,
    client: usize,
    id: String,
    reports: bool,
}

/// What a client is to hear, and what it may still cancel.
#[derive(Debug, Default)]
struct Book {
    asked: usize,
    open: Vec<String>,
    expected: Vec<String>,
    answered: HashMap<String, usize>,
}

async fn play(steps: Vec<Step>) {
    let (mux, mut server) = share(Era::Modern);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::of(&mux)).collect();
    let mut books: Vec<Book> = (0..CLIENTS).map(|_| Book::default()).collect();
    let (mut open, mut answered) = (Vec::<AtServer>::new(), Vec::<AtServer>::new());
    let mut numbers = HashSet::new();
    for step in steps {
        match step {
            Step::Ask { client, shape } => {
                let book = &mut books[client];
                let id = nth_id(book.asked);
                book.asked += 1;
                let of = format!(r#""client {client}""#);
                let text = SHAPES[shape].replace("ID", &id).replace("OF", &of);
                clients[client].says(&text).await;
                let heard = taken(&mut server.0.receiver).await.unwrap();
                let number = heard.request().unwrap().0.as_json().to_owned();
                // All that the server may see: the same bytes, but for the names of the request.
                let expected = SHAPES[shape].replace("ID", &number).replace("OF", &of);
                assert_eq!(members(&heard), expected);
                assert!(numbers.insert(number.clone()), "{number} twice");
                book.open.push(id.clone());
                let reports = SHAPES[shape].contains("progressToken");
                open.push(AtServer { number, client, id, reports });
            }
            Step::Report { which } if !open.is_empty() => {
                let request = &open[which % open.len()];
                let report = |token: &str| {
                    format!(
                        r#""method":"notifications/progress","params":{{"of":{which},"progressToken":{token}}}"#
                    )
                };
                server.says(&report(&request.number)).await;
                if request.reports {
                    books[request.client].expected.push(report(&request.id));
                }
            }
            Step::Answer { which } if !open.is_empty() => {
                let request = open.remove(which % open.len());
                let answer = |id: &str| format!(r#""result":{{"of":{which} }}, "id" : {id} "#);
                server.says(&answer(&request.number)).await;
                let book = &mut books[request.client];
                book.expected.push(answer(&request.id));
                book.open.retain(|id| *id != request.id);
                *book.answered.entry(request.id.clone()).or_default() += 1;
                answered.push(request);
            }
            Step::AnswerAgain { which } if !answered.is_empty() => {
                let request = &answered[which % answered.len()];
                server.says(&format!(r#""id":{},"result":"again""#, request.number)).await;
            }
            Step::Cancel { client } => {
                // What is on its way to the client is there before the cancellation.
                rest().await;
                let Some(id) = books[client].open.pop() else { continue };
                let at = open.iter().position(|o| o.client == client && o.id == id).unwrap();
                let request = open.remove(at);
                let cancel = |id: &str| {
                    format!(r#""method":"notifications/cancelled","params":{{"requestId":{id}}}"#)
                };
                clients[client].says(&cancel(&id)).await;
                assert_eq!(server.hears().await, cancel(&request.number));
                answered.push(request);
            }
            _ => {}
        }
    }
    rest().await;
    assert_eq!(mux.in_flight(), open.len());
    drop((server, mux));
    for (client, book) in clients.iter_mut().zip(books) {
        check(&mut client.receiver, book).await;
    }
}

/// Everything that was for a client came, in order, and nothing else; then the end answers the rest.
async fn check(receiver: &mut Receiver, mut book: Book) {
    for expected in &book.expected {
        assert_eq!(members(&taken(receiver).await.unwrap()), *expected);
    }
    while let Some(last) = taken(receiver).await {
        let id = last.head().and_then(|head| head.response_id()).unwrap().as_json().to_owned();
        *book.answered.entry(id.clone()).or_default() += 1;
        let at = book.open.iter().position(|open| *open == id).expect("one that is open");
        book.open.remove(at);
    }
    assert!(book.open.is_empty(), "without an answer: {:?}", book.open);
    assert!(book.answered.values().all(|count| *count == 1), "{:?}", book.answered);
}

proptest! {
    #[test]
    fn clients_with_equal_ids_never_hear_what_is_for_another(steps in vec(step(), 0..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(play(steps));
    }
}

/// G06: three clients, each id at once, 1000 rounds, on several threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_calls_at_once_with_equal_ids_all_find_their_way() {
    let (mux, mut server) = share(Era::Modern);
    let echo = aside(async move {
        let mut waiting: Vec<Message> = Vec::new();
        while server.0.receiver.recv_all(&mut waiting).await {
            // The newest first: an order of its own.
            while let Some(request) = waiting.pop() {
                let head = request.head().unwrap();
                let params = std::str::from_utf8(request.payload(head)).unwrap();
                let id = request.request().unwrap().0;
                let answer = message(&format!(r#""id":{id},"result":{params}"#));
                server.0.sender.send(answer).await.unwrap();
            }
        }
    });
    let talk = |name: &'static str| {
        let mut client = Client::of(&mux);
        aside(async move {
            for round in 0..1000 {
                let ids = ["0", "1", "\"1\""];
                for id in ids {
                    let params = format!(r#"["{name}",{round},{id}]"#);
                    client.says(&format!(r#""id":{id},"method":"m","params":{params}"#)).await;
                }
                let mut heard = Vec::new();
                for _ in ids {
                    heard.push(client.hears().await);
                }
                heard.sort();
                let mut expected =
                    ids.map(|id| format!(r#""id":{id},"result":["{name}",{round},{id}]"#));
                expected.sort();
                assert_eq!(heard, expected);
            }
        })
    };
    for talk in [talk("a"), talk("b"), talk("c")] {
        talk.await.unwrap();
    }
    assert_eq!((mux.clients(), mux.in_flight(), mux.dropped()), (0, 0, 0));
    drop(mux);
    echo.await.unwrap();
}

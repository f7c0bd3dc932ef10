use bytes::Bytes;

use super::Attached;
use super::Route;
use super::Streams;
use crate::message::Message;

fn message(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

fn resumable() -> Streams {
    let mut streams = Streams::default();
    streams.make_resumable();
    streams
}

#[test]
fn a_client_that_opens_the_general_stream_again_and_again_costs_no_more_than_one() {
    let mut streams = resumable();
    for _ in 0..100 {
        let Attached { place, .. } = streams.general();
        streams.leave(place, true);
    }
    assert_eq!(streams.open.len(), 1);
}

#[test]
fn a_cancelled_request_leaves_nothing_behind() {
    let mut streams = resumable();
    let ask = message(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":7}}}"#,
    );
    let attached = streams.begin(&ask, usize::MAX).unwrap();
    streams.leave(attached.place, true);
    let id = ask.request_ids().next().unwrap();
    streams.cancel(id);
    assert!(streams.open.is_empty() && streams.waiting.is_empty() && streams.tokens.is_empty());
    let late = streams.route(message(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
    assert!(matches!(late, Route::Kept));
}

#[tokio::test]
async fn a_stream_that_begins_after_the_end_ends_at_once() {
    let mut streams = resumable();
    streams.close();
    let mut general = streams.general();
    assert!(general.queue.recv().await.is_none());
    let ask = message(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    assert!(streams.begin(&ask, usize::MAX).unwrap().queue.recv().await.is_none());
}

//! An event stream gives the same events however it is cut, the events that sse-stream gives, and
//! never more than the limit. The input is the stream, so files of `testdata/sse` can seed it.

#![no_main]

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::stream;
use libfuzzer_sys::fuzz_target;
use mcp_secure_remote::transport::event_stream::Decoder;
use mcp_secure_remote::transport::event_stream::TooLarge;
use sse_stream::SseByteStream;

/// Id, kind and data.
type Events = Vec<(Option<String>, String, Vec<u8>)>;

const SMALL_LIMIT: usize = 64;

fuzz_target!(|stream: &[u8]| {
    let whole = decode(stream, stream.len(), usize::MAX);
    for size in [1, 2 + stream.len() % 13] {
        assert_eq!(decode(stream, size, usize::MAX), whole, "chunks of {size}");
    }
    if std::str::from_utf8(stream).is_ok() {
        assert_eq!(whole, Ok(oracle(stream)));
    }
    let bounded = decode(stream, stream.len(), SMALL_LIMIT);
    assert_eq!(decode(stream, 1, SMALL_LIMIT).is_ok(), bounded.is_ok());
    if let Ok(events) = bounded {
        assert!(events.iter().all(|(_, _, data)| data.len() <= SMALL_LIMIT));
        assert_eq!(Ok(events), whole);
    }
});

fn decode(stream: &[u8], size: usize, limit: usize) -> Result<Events, TooLarge> {
    let mut decoder = Decoder::new(limit);
    let mut events = Events::new();
    for chunk in stream.chunks(size.max(1)) {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(event) = decoder.next_event()? {
            let id = event.id.map(|id| id.to_string());
            events.push((id, event.kind.into_owned(), event.data.to_vec()));
        }
    }
    Ok(events)
}

/// What sse-stream makes of it; it also returns blocks without data, which are no events.
fn oracle(stream: &[u8]) -> Events {
    let source = stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(stream))]);
    let all = SseByteStream::new(source).collect::<Vec<_>>().now_or_never().expect("never waits");
    all.into_iter()
        .map(|block| block.expect("valid UTF-8"))
        .filter_map(|block| {
            let kind = block.event.filter(|kind| !kind.is_empty());
            let kind = kind.unwrap_or_else(|| "message".to_owned());
            Some((block.id, kind, block.data?.into_bytes()))
        })
        .collect()
}

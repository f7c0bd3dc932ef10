//! What reading messages costs: `cargo bench --bench parse`. The event stream decoder stands beside
//! sse-stream, which tells a slow decoder from a slow machine.

use std::convert::Infallible;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use divan::counter::ItemsCount;
use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::stream;
use mcp_secure_remote::message::Message;
use mcp_secure_remote::transport::event_stream::Decoder;
use mcp_secure_remote::transport::line::Lines;
use sse_stream::SseByteStream;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const LIMIT: usize = 64 * MIB;
const EVENTS: usize = 200_000;

fn main() {
    divan::main();
}

/// A way to read a whole stream, given as chunks; returns how many events or lines it held.
type Read = fn(Vec<Bytes>) -> usize;

#[divan::bench_group(name = "event_stream, one line of 16 MiB in 16 KiB chunks", sample_count = 20)]
mod large_event {
    use super::*;

    #[divan::bench]
    fn ours(bencher: Bencher) {
        measure(bencher, &large_event(), 16 * KIB, 1, decode);
    }

    #[divan::bench]
    fn sse_stream(bencher: Bencher) {
        measure(bencher, &large_event(), 16 * KIB, 1, decode_by_sse_stream);
    }
}

#[divan::bench_group(name = "event_stream, 200 000 events", sample_count = 20)]
mod small_events {
    use super::*;

    #[divan::bench(args = [16 * KIB, MIB])]
    fn ours(bencher: Bencher, chunk: usize) {
        measure(bencher, &small_events(), chunk, EVENTS, decode);
    }

    #[divan::bench(args = [16 * KIB, MIB])]
    fn sse_stream(bencher: Bencher, chunk: usize) {
        measure(bencher, &small_events(), chunk, EVENTS, decode_by_sse_stream);
    }
}

#[divan::bench_group(name = "line", sample_count = 20)]
mod lines {
    use super::*;

    #[divan::bench]
    fn one_of_16_mib(bencher: Bencher) {
        let stream = format!("{}\n", "x".repeat(16 * MIB));
        measure(bencher, stream.as_bytes(), 64 * KIB, 1, split);
    }

    #[divan::bench]
    fn many(bencher: Bencher) {
        let stream: String = (0..EVENTS).map(|number| message(number) + "\n").collect();
        measure(bencher, stream.as_bytes(), 64 * KIB, EVENTS, split);
    }
}

#[divan::bench_group(name = "message")]
mod heads {
    use super::*;

    #[divan::bench]
    fn of_a_notification(bencher: Bencher) {
        parse(bencher, message(1));
    }

    #[divan::bench]
    fn of_a_request(bencher: Bencher) {
        parse(
            bencher,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"}}}"#.to_owned(),
        );
    }

    #[divan::bench]
    fn of_a_response_of_1_mib(bencher: Bencher) {
        let text = "lorem ipsum \\n ".repeat(MIB / 15);
        parse(
            bencher,
            format!(
                r#"{{"jsonrpc":"2.0","id":7,"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#
            ),
        );
    }
}

fn message(number: usize) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":1,"progress":{number}}}}}"#
    )
}

fn small_events() -> Vec<u8> {
    let event = |number| format!("event: message\ndata: {}\n\n", message(number));
    (0..EVENTS).map(event).collect::<String>().into_bytes()
}

fn large_event() -> Vec<u8> {
    format!("data: {}\n\n", "x".repeat(16 * MIB)).into_bytes()
}

/// Reads `stream` in chunks of `size` bytes, each of its own memory as those of a socket are.
fn measure(bencher: Bencher, stream: &[u8], size: usize, items: usize, read: Read) {
    let chunks: Vec<_> = stream.chunks(size).map(Bytes::copy_from_slice).collect();
    bencher
        .counter(BytesCount::new(stream.len()))
        .counter(ItemsCount::new(items))
        .with_inputs(|| chunks.clone())
        .bench_values(|chunks| assert_eq!(read(chunks), items));
}

fn parse(bencher: Bencher, text: String) {
    let bytes = Bytes::from(text);
    bencher
        .counter(BytesCount::new(bytes.len()))
        .with_inputs(|| bytes.clone())
        .bench_values(|bytes| Message::parse(bytes).is_ok());
}

fn decode(chunks: Vec<Bytes>) -> usize {
    let mut decoder = Decoder::new(LIMIT);
    let mut events = 0;
    for chunk in chunks {
        decoder.push(chunk);
        while let Ok(Some(event)) = decoder.next_event() {
            divan::black_box(event);
            events += 1;
        }
    }
    events
}

fn decode_by_sse_stream(chunks: Vec<Bytes>) -> usize {
    let source = stream::iter(chunks.into_iter().map(Ok::<_, Infallible>));
    let count = SseByteStream::new(source).map(divan::black_box).count();
    count.now_or_never().unwrap_or_default()
}

fn split(chunks: Vec<Bytes>) -> usize {
    let mut lines = Lines::new(LIMIT);
    let mut count = 0;
    for chunk in chunks {
        lines.push(chunk);
        while let Some(line) = lines.next_line() {
            divan::black_box(line);
            count += 1;
        }
    }
    count
}

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
const MANY: usize = 200_000;

fn main() {
    divan::main();
}

/// Who decodes an event stream.
#[derive(Clone, Copy, Debug)]
enum Decoders {
    Ours,
    SseStream,
}

const DECODERS: [Decoders; 2] = [Decoders::Ours, Decoders::SseStream];

#[divan::bench(args = DECODERS, sample_count = 20)]
fn event_of_16_mib(bencher: Bencher, decoder: Decoders) {
    let stream = format!("data: {}\n\n", "x".repeat(16 * MIB));
    measure(bencher, &stream, 16 * KIB, 1, decoder.read());
}

#[divan::bench(args = DECODERS, consts = [16 * KIB, MIB], sample_count = 20)]
fn events<const CHUNK: usize>(bencher: Bencher, decoder: Decoders) {
    let event = |number| format!("event: message\ndata: {}\n\n", notification(number));
    let stream: String = (0..MANY).map(event).collect();
    measure(bencher, &stream, CHUNK, MANY, decoder.read());
}

#[divan::bench(sample_count = 20)]
fn line_of_16_mib(bencher: Bencher) {
    let stream = format!("{}\n", "x".repeat(16 * MIB));
    measure(bencher, &stream, 64 * KIB, 1, split);
}

#[divan::bench(sample_count = 20)]
fn lines(bencher: Bencher) {
    let stream: String = (0..MANY).map(|number| notification(number) + "\n").collect();
    measure(bencher, &stream, 64 * KIB, MANY, split);
}

#[divan::bench]
fn head_of_a_notification(bencher: Bencher) {
    parse(bencher, notification(1));
}

#[divan::bench]
fn head_of_a_request(bencher: Bencher) {
    let params = r#"{"name":"echo","arguments":{"text":"hello"}}"#;
    let request = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":"#;
    parse(bencher, format!("{request}{params}}}"));
}

#[divan::bench]
fn head_of_a_response_of_1_mib(bencher: Bencher) {
    let text = "lorem ipsum \\n ".repeat(MIB / 15);
    let response = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":""#;
    parse(bencher, format!("{response}{text}\"}}]}}}}"));
}

/// A way to read a whole stream, given as chunks; returns how many events or lines it held.
type Read = fn(Vec<Bytes>) -> usize;

impl Decoders {
    fn read(self) -> Read {
        match self {
            Self::Ours => decode,
            Self::SseStream => decode_by_sse_stream,
        }
    }
}

fn notification(number: usize) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":1,"progress":{number}}}}}"#
    )
}

/// Reads `stream` in chunks of `size` bytes, each of its own memory as those of a socket are.
fn measure(bencher: Bencher, stream: &str, size: usize, items: usize, read: Read) {
    let chunks: Vec<_> = stream.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
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

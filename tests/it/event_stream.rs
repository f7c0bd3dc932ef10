//! The event stream decoder beside two others, and wherever its input may be cut.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use eventsource_stream::EventStream;
use futures_util::FutureExt;
use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
use mcp_secure_remote::limits;
use mcp_secure_remote::transport::event_stream::Decoder;
use proptest::arbitrary::any;
use proptest::collection;
use proptest::prop_assert_eq;
use proptest::prop_assume;
use proptest::prop_oneof;
use proptest::proptest;
use proptest::sample;
use proptest::strategy::Just;
use proptest::strategy::Strategy;
use proptest::test_runner::Config;
use sse_stream::Sse;
use sse_stream::SseByteStream;

/// What a reader of a stream gets to know.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    events: Vec<Event>,
    retry: Option<Duration>,
}

#[derive(Debug, PartialEq)]
struct Event {
    kind: String,
    data: Vec<u8>,
    /// The id to resume after, once this event was seen; empty if there is none.
    last_id: String,
}

const LIMIT: usize = 1024 * 1024;

/// Reads `stream`, cut at the given places.
fn ours(stream: &[u8], cuts: &BTreeSet<usize>) -> Seen {
    let mut decoder = Decoder::new(LIMIT);
    let mut seen = Seen::default();
    for chunk in chunks(stream, cuts) {
        decoder.push(chunk);
        while let Some(event) = decoder.next_event().unwrap() {
            let last_id = decoder.last_event_id().unwrap_or_default().to_owned();
            if let Some(id) = event.id {
                assert_eq!(*id, last_id);
            }
            seen.events.push(Event {
                kind: event.kind.into_owned(),
                data: event.data.to_vec(),
                last_id,
            });
        }
    }
    seen.retry = decoder.retry();
    seen
}

/// sse-stream returns blocks: the id is made to persist here, and those without data are no events.
fn by_sse_stream(stream: &[u8], cuts: &BTreeSet<usize>) -> Seen {
    let mut seen = Seen::default();
    let mut last_id = String::new();
    for block in at_once(SseByteStream::new(source(stream, cuts))) {
        let Sse { event, data, id, retry } = block.unwrap();
        last_id = id.unwrap_or(last_id);
        let (shortest, longest) = (*limits::EVENT_RETRY.start(), *limits::EVENT_RETRY.end());
        let retry = retry.map(|retry| Duration::from_millis(retry).clamp(shortest, longest));
        seen.retry = retry.or(seen.retry);
        if let Some(data) = data {
            let kind = event.filter(|kind| !kind.is_empty());
            seen.events.push(Event {
                kind: kind.unwrap_or_else(|| "message".to_owned()),
                data: data.into_bytes(),
                last_id: last_id.clone(),
            });
        }
    }
    seen
}

fn by_eventsource_stream(stream: &[u8], cuts: &BTreeSet<usize>) -> Vec<Event> {
    at_once(EventStream::new(source(stream, cuts)))
        .into_iter()
        .map(|event| {
            let event = event.unwrap();
            Event { kind: event.event, data: event.data.into_bytes(), last_id: event.id }
        })
        .collect()
}

fn at_once<S: Stream>(stream: S) -> Vec<S::Item> {
    stream.collect::<Vec<_>>().now_or_never().expect("a source that never waits")
}

fn source(
    stream: &[u8],
    cuts: &BTreeSet<usize>,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    stream::iter(chunks(stream, cuts).into_iter().map(Ok))
}

fn chunks(mut stream: &[u8], cuts: &BTreeSet<usize>) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    for cut in cuts.iter().rev().filter(|cut| **cut < stream.len()).collect::<Vec<_>>() {
        let (left, right) = stream.split_at(*cut);
        chunks.push(Bytes::copy_from_slice(right));
        stream = left;
    }
    chunks.push(Bytes::copy_from_slice(stream));
    chunks.reverse();
    chunks
}

/// One line without its end: mostly such as servers send, now and then anything.
fn line() -> impl Strategy<Value = String> {
    let text = || "[ -~é✓😀\t]{0,12}";
    prop_oneof![
        4 => Just(String::new()),
        4 => text().prop_map(|text| format!("data: {text}")),
        1 => text().prop_map(|text| format!("data:{text}")),
        1 => text().prop_map(|text| format!("id: {text}")),
        1 => text().prop_map(|text| format!("event: {text}")),
        1 => (0..100_000_u32).prop_map(|millis| format!("retry: {millis}")),
        1 => text().prop_map(|text| format!(": {text}")),
        1 => text(),
        1 => sample::select(vec![
            "data", "data:", "data: ", "id", "id:", "id: a\0b", "event", "event:", "retry",
            "retry:", "retry: +5", "retry: 5s", "retry: 007", "retry:5", "foo: bar", ":", "dat", "datas: x",
            "Data: x", " data: x", "identity: x", "\u{feff}data: x",
        ]).prop_map(str::to_owned),
    ]
}

/// A stream of such lines, with line ends out of `ends`. Its last line need not be finished.
fn lines(ends: &'static [&'static str]) -> impl Strategy<Value = String> {
    let ended = (line(), sample::select(ends)).prop_map(|(line, end)| line + end);
    let finished = collection::vec(ended, 0..24).prop_map(|lines| lines.concat());
    (finished, prop_oneof![Just(String::new()), line()]).prop_map(|(lines, last)| lines + &last)
}

fn any_stream() -> impl Strategy<Value = String> {
    (any::<bool>(), lines(&["\n", "\r", "\r\n"]))
        .prop_map(|(mark, lines)| if mark { format!("\u{feff}{lines}") } else { lines })
}

fn any_cuts() -> impl Strategy<Value = BTreeSet<usize>> {
    collection::btree_set(1..300_usize, 0..20)
}

proptest! {
    #![proptest_config(Config { cases: 500, failure_persistence: None, ..Config::default() })]

    #[test]
    fn events_are_those_of_sse_stream(stream in any_stream(), cuts in any_cuts()) {
        let (ours, theirs) = (ours(stream.as_bytes(), &cuts), by_sse_stream(stream.as_bytes(), &cuts));
        prop_assert_eq!(ours.events, theirs.events);
    }

    /// In a finished stream: a retry time counts at once here, at the end of its block there.
    #[test]
    fn retry_times_are_those_of_sse_stream(stream in any_stream(), cuts in any_cuts()) {
        let stream = stream + "\n\n";
        prop_assert_eq!(ours(stream.as_bytes(), &cuts), by_sse_stream(stream.as_bytes(), &cuts));
    }

    /// Where that one is right: it panics on a byte order mark, and loses events that end in CR.
    #[test]
    fn events_are_those_of_eventsource_stream(stream in lines(&["\n", "\r\n"]), cuts in any_cuts()) {
        prop_assume!(!stream.contains('\u{feff}'));
        let theirs = by_eventsource_stream(stream.as_bytes(), &cuts);
        prop_assert_eq!(ours(stream.as_bytes(), &cuts).events, theirs);
    }

    #[test]
    fn bytes_that_are_no_text_give_the_same_events_however_cut(
        stream in collection::vec(prop_oneof![any::<u8>(), sample::select(&b"data:\n\n\r id\xEF\xBB\xBF"[..])], 0..300),
        cuts in any_cuts(),
    ) {
        prop_assert_eq!(ours(&stream, &cuts), ours(&stream, &BTreeSet::new()));
    }
}

/// `NAME.txt` is a stream, `NAME.events` what it holds: one event a line, in JSON.
#[test]
fn every_fixture_gives_its_events_wherever_it_is_cut() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/sse");
    let mut fixtures = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            fixtures += 1;
            check(&path);
        }
    }
    assert!(fixtures > 0);
}

fn check(path: &Path) {
    let stream = fs::read(path).unwrap();
    let expected = fs::read_to_string(path.with_extension("events")).unwrap();
    let every_byte: BTreeSet<_> = (1..stream.len()).collect();
    assert_eq!(show(&ours(&stream, &every_byte)), expected, "{} byte by byte", path.display());
    for cut in 0..stream.len() {
        let seen = ours(&stream, &BTreeSet::from([cut]));
        assert_eq!(show(&seen), expected, "{} cut at {cut}", path.display());
    }
}

fn show(seen: &Seen) -> String {
    let show = |event: &Event| {
        let data = String::from_utf8_lossy(&event.data);
        let shown =
            serde_json::json!({ "data": data, "kind": event.kind, "last_id": event.last_id });
        format!("{shown}\n")
    };
    seen.events.iter().map(show).collect()
}

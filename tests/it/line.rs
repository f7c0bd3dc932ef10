//! Line framing beside a plain model of it, wherever its input may be cut.

use std::iter;

use bytes::Bytes;
use mcp_secure_remote::limits;
use mcp_secure_remote::transport::line::Line;
use mcp_secure_remote::transport::line::Lines;
use proptest::collection;
use proptest::prop_assert_eq;
use proptest::prop_oneof;
use proptest::proptest;
use proptest::sample;
use proptest::strategy::Strategy;
use proptest::test_runner::Config;

/// The line, or the head of one over the limit.
type Seen = Result<Vec<u8>, Vec<u8>>;

const LIMIT: usize = 300;

fn seen(line: Line) -> Seen {
    match line {
        Line::TooLong(line) => Err(line.head),
        Line::Whole(line) => Ok(line.to_vec()),
    }
}

fn ours(chunks: &[Vec<u8>]) -> Vec<Seen> {
    let mut lines = Lines::new(LIMIT);
    let mut found = Vec::new();
    for chunk in chunks {
        lines.push(Bytes::copy_from_slice(chunk));
        found.extend(iter::from_fn(|| lines.next_line()).map(seen));
    }
    found.extend(lines.finish().map(seen));
    found
}

fn model(stream: &[u8]) -> Vec<Seen> {
    let lines =
        stream.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace) || line.len() > LIMIT)
        .map(|line| match line.len() {
            ..=LIMIT => Ok(line.to_vec()),
            _ => Err(line[..limits::LINE_EDGE_BYTES].to_vec()),
        })
        .collect()
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn lines_are_those_of_a_plain_split_however_cut(
        chunks in collection::vec(
            prop_oneof![
                collection::vec(sample::select(&b"ab \t\r\n\n\xFF"[..]), 0..20),
                (sample::select(&b"x \r"[..]), 250..600_usize).prop_map(|(byte, len)| vec![byte; len]),
            ],
            0..20,
        ),
    ) {
        prop_assert_eq!(ours(&chunks), model(&chunks.concat()));
    }
}

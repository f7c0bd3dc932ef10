use std::time::Duration;

use bytes::Bytes;

use super::Decoder;
use super::TooLarge;
use crate::limits;

/// Id, kind and data of each event.
type Events = Vec<(Option<String>, String, String)>;

const LIMIT: usize = 1024;

fn drain(decoder: &mut Decoder) -> Result<Events, TooLarge> {
    let mut events = Events::new();
    while let Some(event) = decoder.next_event()? {
        let data = String::from_utf8(event.data.to_vec()).unwrap();
        events.push((event.id.map(|id| id.to_string()), event.kind.into_owned(), data));
    }
    Ok(events)
}

fn decode(stream: &str) -> (Events, Decoder) {
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(Bytes::copy_from_slice(stream.as_bytes()));
    (drain(&mut decoder).unwrap(), decoder)
}

fn data(stream: &str) -> Vec<String> {
    decode(stream).0.into_iter().map(|(_, _, data)| data).collect()
}

#[test]
fn every_kind_of_line_end_ends_a_line() {
    for end in ["\n", "\r", "\r\n"] {
        let stream = ["data: a", "data: b", "", "data: c", "", ""].join(end);
        assert_eq!(data(&stream), ["a\nb", "c"], "{end:?}");
    }
    assert_eq!(data("data: a\r\ndata: b\r\r\ndata: c\n\r"), ["a\nb", "c"]);
}

#[test]
fn a_cr_at_the_end_of_a_chunk_ends_its_line_at_once() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(Bytes::from_static(b"data: a\r\n\r"));
    assert_eq!(drain(&mut decoder).unwrap().len(), 1);
    decoder.push(Bytes::from_static(b"\ndata: b\n\n"));
    assert_eq!(drain(&mut decoder).unwrap()[0].2, "b");
}

#[test]
fn a_byte_order_mark_is_skipped_at_the_start_alone() {
    assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(data("\u{feff}\u{feff}data: a\n\ndata: b\n\n"), ["b"]);
    assert_eq!(data("data: a\n\n\u{feff}data: b\n\n"), ["a"]);
}

#[test]
fn half_a_byte_order_mark_spoils_its_line_alone() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(Bytes::from_static(b"\xEF\xBBdata: a\n\ndata: b\n\n"));
    assert_eq!(drain(&mut decoder).unwrap()[0].2, "b");
}

#[test]
fn one_space_after_the_colon_is_left_out() {
    assert_eq!(data("data:a\ndata: b\ndata:  c\n\n"), ["a\nb\n c"]);
}

#[test]
fn empty_data_lines_count() {
    assert_eq!(data("data\n\ndata:\ndata\n\ndata: \ndata: a\n\n"), ["", "\n", "\na"]);
}

#[test]
fn comments_and_unknown_fields_are_no_events() {
    assert_eq!(data(": hi\n\n:\n\nfoo: 1\n\n data: 2\n\ndatum: 3\n\nDATA: 4\n\n"), [""; 0]);
    assert_eq!(data(": hi\ndata: a\nfoo\neventful: x\n:\n\n"), ["a"]);
}

#[test]
fn the_kind_is_message_unless_its_own_event_names_another() {
    let (events, _) = decode("event: endpoint\ndata: a\n\ndata: b\n\nevent:\ndata: c\n\n");
    let kinds: Vec<_> = events.iter().map(|(_, kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["endpoint", "message", "message"]);
    assert_eq!(decode("event: x\n\ndata: a\n\n").0[0].1, "message");
}

#[test]
fn an_id_belongs_to_its_event_and_persists() {
    let (events, decoder) = decode("id: 1\ndata: a\n\ndata: b\n\n");
    assert_eq!((events[0].0.as_deref(), events[1].0.as_deref()), (Some("1"), None));
    assert_eq!(decoder.last_event_id(), Some("1"));
}

#[test]
fn an_id_counts_from_the_end_of_its_block_and_needs_no_data() {
    assert_eq!(decode("id: 1\n\nid: 2\n").1.last_event_id(), Some("1"));
    assert_eq!(decode("id: 1\nid: 2\n\n").1.last_event_id(), Some("2"));
    assert_eq!(decode("id: 1\n\nid\n\n").1.last_event_id(), None);
}

#[test]
fn an_id_with_nul_or_without_utf8_is_ignored() {
    assert_eq!(decode("id: 1\n\nid: 2\0\n\n").1.last_event_id(), Some("1"));
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(Bytes::from_static(b"id: 1\n\nid: \xFF\n\n"));
    assert!(drain(&mut decoder).unwrap().is_empty());
    assert_eq!(decoder.last_event_id(), Some("1"));
}

#[test]
fn retry_takes_digits_alone_and_is_clamped() {
    let retry = |stream: &str| decode(stream).1.retry();
    assert_eq!(retry("retry: 500\n"), Some(Duration::from_millis(500)));
    assert_eq!(retry("retry: 0\n"), Some(*limits::EVENT_RETRY.start()));
    for long in ["retry: 999999\n", "retry: 99999999999999999999999\n"] {
        assert_eq!(retry(long), Some(*limits::EVENT_RETRY.end()));
    }
    for bad in ["retry\n", "retry: +5\n", "retry: -5\n", "retry: 5 \n", "retry: 5s\n", "retry: ٥\n"]
    {
        assert_eq!(retry(bad), None, "{bad:?}");
        assert_eq!(retry(&format!("retry: 500\n{bad}")), Some(Duration::from_millis(500)));
    }
}

#[test]
fn an_unfinished_event_is_not_dispatched() {
    assert_eq!(data("data: a\n\ndata: b\n"), ["a"]);
    assert_eq!(data("data: a"), [""; 0]);
}

#[test]
fn data_without_utf8_is_handed_on_and_the_stream_lives() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(Bytes::from_static(b"data: \xFF\n\ndata: b\n\n"));
    assert_eq!(decoder.next_event().unwrap().unwrap().data, b"\xFF"[..]);
    assert_eq!(decoder.next_event().unwrap().unwrap().data, "b");
}

#[test]
fn data_within_one_chunk_is_not_copied() {
    let chunk = Bytes::from("event: message\ndata: hello\n\n".to_owned());
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(chunk.clone());
    let event = decoder.next_event().unwrap().unwrap();
    assert_eq!(event.data.as_ptr(), chunk[21..].as_ptr());
}

#[test]
fn a_chunk_pushed_too_early_is_not_lost() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(Bytes::from_static(b"data: a\n\nda"));
    decoder.push(Bytes::from_static(b"ta: b\n\n"));
    assert_eq!(drain(&mut decoder).unwrap().len(), 2);
}

/// Feeds `head`, then `again` for ever, one piece a chunk, and returns how many bytes were taken
/// before the error.
fn bytes_until_too_large(head: &str, again: &'static str) -> usize {
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(Bytes::copy_from_slice(head.as_bytes()));
    for taken in (head.len()..100 * LIMIT).step_by(again.len()) {
        match drain(&mut decoder) {
            Ok(events) => assert!(events.is_empty()),
            Err(error) => {
                assert_eq!(error, TooLarge { limit: LIMIT });
                return taken;
            }
        }
        decoder.push(Bytes::from_static(again.as_bytes()));
    }
    panic!("no bound on {head:?} {again:?}...");
}

#[test]
fn endless_lines_and_endless_events_are_cut_at_the_limit() {
    for head in ["data: ", "id: ", "event: ", "retry: ", ":", "unknown: ", ""] {
        let taken = bytes_until_too_large(head, "x");
        assert!(taken.abs_diff(LIMIT) <= "unknown: ".len(), "{taken} after {head:?}");
    }
    assert!(bytes_until_too_large("", "data: xx\n") <= 4 * LIMIT);
    assert!(bytes_until_too_large("", "data\n") <= 6 * LIMIT);
}

#[test]
fn data_of_exactly_the_limit_passes() {
    let stream = |len| format!("data: {}\n\n", "x".repeat(len));
    assert_eq!(data(&stream(LIMIT)), ["x".repeat(LIMIT)]);
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(stream(LIMIT + 1).into());
    assert!(decoder.next_event().is_err());
    assert!(decoder.next_event().is_err(), "the error stays");
}

#[test]
fn a_field_that_is_not_data_has_a_lower_limit() {
    let decode = |len| {
        let mut decoder = Decoder::new(16 * limits::EVENT_FIELD_BYTES);
        decoder.push(format!("id: {}\n\n", "x".repeat(len)).into());
        drain(&mut decoder).map(|_| decoder.last_event_id().map(str::len))
    };
    let limit = limits::EVENT_FIELD_BYTES;
    assert_eq!(decode(limit), Ok(Some(limit)));
    assert_eq!(decode(limit + 1), Err(TooLarge { limit }));
}

#[test]
fn comments_for_ever_are_a_healthy_stream() {
    let mut decoder = Decoder::new(LIMIT);
    for _ in 0..10 * LIMIT {
        decoder.push(Bytes::from_static(b": keep-alive\n\n"));
        assert!(drain(&mut decoder).unwrap().is_empty());
    }
}

#[test]
fn debug_shows_no_data() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(Bytes::from_static(b"id: 7\ndata: hunter2\n\n"));
    let shown = format!("{:?}", decoder.next_event().unwrap().unwrap());
    assert!(shown.contains('7') && !shown.contains("hunter2"), "{shown}");
}

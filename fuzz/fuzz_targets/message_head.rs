//! What `Message::parse` lets through is one line of valid JSON that reads the same again, and so is
//! each part of a batch.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mcp_secure_remote::message::Message;
use serde::de::IgnoredAny;

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = Message::parse(Bytes::copy_from_slice(bytes)) else { return };
    let line = message.bytes();
    assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
    let text = std::str::from_utf8(line).expect("UTF-8");
    serde_json::from_str::<IgnoredAny>(text).expect("JSON");

    let again = Message::parse(line.clone()).expect("a message stays one");
    assert_eq!((again.bytes(), again.heads()), (line, message.heads()));
    for head in message.heads() {
        let payload = message.payload(head);
        assert!(payload.is_empty() || serde_json::from_slice::<IgnoredAny>(payload).is_ok());
    }

    let heads = message.heads().len();
    let parts = message.split();
    assert_eq!(parts.len(), heads, "no part of a batch is lost");
    assert!(parts.iter().all(|part| !part.is_batch()));
});

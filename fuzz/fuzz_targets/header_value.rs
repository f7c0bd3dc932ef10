//! A header that is taken from the command line or from a file can always be sent, and never is two.

#![no_main]

use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use mcp_secure_remote::cli::environment::Environment;
use mcp_secure_remote::cli::header;

fuzz_target!(|text: &str| {
    let variables: Environment =
        [("A", "one"), ("B", "two\r\nX: y"), ("C", "\u{e9}")].into_iter().collect();
    if let Ok((name, value)) = header::parse(text, &variables) {
        let bytes = value.as_bytes();
        assert!(!name.as_str().is_empty());
        assert!(!bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
        assert!(value.is_sensitive());
    }
    let mut headers = HeaderMap::new();
    // Wrong text is an error, never a panic.
    let _ = header::parse_file(text, &variables, &mut headers);
    assert!(headers.len() <= text.lines().count());
});

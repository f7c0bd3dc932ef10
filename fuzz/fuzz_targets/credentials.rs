//! No file of credentials makes the loader panic, hang or take memory without bound.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_secure_remote::secret::Secret;
use mcp_secure_remote::tls;

fuzz_target!(|bytes: &[u8]| {
    // Whether it loads is the business of the tests with known files.
    let _ = tls::try_identity(bytes, None);
    let _ = tls::try_identity(bytes, Some(&Secret::new("correct horse".to_owned())));
});

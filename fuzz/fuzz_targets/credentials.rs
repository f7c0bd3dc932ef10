//! Whatever is given as a credential, PEM or PKCS#12, is loaded or refused with a cause.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_secure_remote::secret::Secret;
use mcp_secure_remote::tls::try_identity;

fuzz_target!(|bytes: &[u8]| {
    // The passphrase of the fixtures in `testdata/credentials`, so that the inside is reached.
    let passphrase = Secret::new("correct horse".to_owned());
    for passphrase in [Some(&passphrase), None] {
        if let Err(report) = try_identity(bytes, passphrase) {
            assert!(report.cause.is_some_and(|cause| !cause.contains("correct horse")));
        }
    }
});

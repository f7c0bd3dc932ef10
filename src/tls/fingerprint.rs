//! The name of a certificate that nobody chose: the SHA-256 hash of its DER encoding.

use std::fmt;
use std::str::FromStr;

use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;

/// Bytes of a SHA-256 hash.
const BYTES: usize = 32;

/// The SHA-256 fingerprint of a certificate. Two certificates of one person differ in it, and
/// nobody can make a second certificate with the same one.
///
/// It is shown as 64 digits in lower case, and read with or without colons, in any case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; BYTES]);

/// Why a text is no fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 fingerprint has 64 hexadecimal digits, alone or in pairs with colons between")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// The fingerprint of a certificate, or `None` without the hash function that TLS 1.3 demands.
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        // The provider has the hash for its own use: no second implementation is needed.
        let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 else { return None };
        let hash = suite.common.hash_provider.hash(der);
        hash.as_ref().try_into().ok().map(Self)
    }

    /// The first 12 digits, to tell certificates apart in a log.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let pairs: Vec<&[u8]> = if text.contains(':') {
            text.split(':').map(str::as_bytes).collect()
        } else {
            text.as_bytes().chunks(2).collect()
        };
        let bytes: Option<Vec<u8>> = pairs.into_iter().map(byte).collect();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(NotAFingerprint)
    }
}

fn byte(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair else { return None };
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;
    use super::NotAFingerprint;

    /// `printf abc | sha256sum`
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn it_is_the_sha_256_hash_in_lower_case() {
        let fingerprint = Fingerprint::of(b"abc").unwrap();
        assert_eq!(fingerprint.to_string(), ABC);
        assert_eq!(fingerprint.short(), &ABC[..12]);
    }

    #[test]
    fn it_is_read_with_and_without_colons_in_any_case() {
        let fingerprint = Fingerprint::of(b"abc").unwrap();
        let pairs: Vec<&str> = (0..32).map(|at| &ABC[2 * at..2 * at + 2]).collect();
        for text in [ABC, &ABC.to_uppercase(), &pairs.join(":"), &pairs.join(":").to_uppercase()] {
            assert_eq!(text.parse(), Ok(fingerprint), "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_or_of_another_hash_is_no_fingerprint() {
        let sha1 = &ABC[..40];
        let odd = [ABC, "0"].concat();
        let sign = ["+1", &ABC[2..]].concat();
        let moved = ["ba7:8", &ABC[4..]].concat();
        let wide = ["é", &ABC[2..]].concat();
        for text in ["", sha1, &ABC[..63], &odd, &sign, &moved, &wide, &ABC.replace('a', "g")] {
            assert_eq!(text.parse::<Fingerprint>(), Err(NotAFingerprint), "{text}");
        }
    }
}

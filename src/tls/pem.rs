//! PEM text (RFC 7468) taken apart, with the headers of the older form (RFC 1421) that encrypted
//! keys of OpenSSL carry.

use zeroize::Zeroizing;

/// One `BEGIN`/`END` pair and what stands between.
pub(super) struct Block {
    /// The label, for example `CERTIFICATE`.
    pub(super) label: String,
    /// The cipher and its IV, if the block is encrypted in the older form.
    pub(super) dek_info: Option<String>,
    /// The decoded bytes.
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// Why a text is not PEM.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PemError {
    /// Broken base64, or labels that do not fit.
    #[error("the PEM text is damaged: {0}")]
    Damaged(String),
    /// A block that begins and does not end.
    #[error("the PEM text is cut off: a `BEGIN` has no `END`")]
    Truncated,
}

impl PemError {
    /// What to do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "copy the file anew, exactly as it was issued",
            Self::Truncated => "copy the file anew, down to the end of its last `-----END` line",
        }
    }
}

/// One block of PEM text.
pub(super) fn text(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

/// Whether the bytes look like PEM at all.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    begins(bytes) > 0
}

/// All blocks in their order. Text between blocks is skipped, as everybody does.
pub(super) fn blocks(bytes: &[u8]) -> Result<Vec<Block>, PemError> {
    let parsed = pem::parse_many(bytes).map_err(|error| PemError::Damaged(plain(&error)))?;
    if parsed.len() != begins(bytes) {
        return Err(PemError::Truncated);
    }
    Ok(parsed.into_iter().map(block).collect())
}

fn block(pem: pem::Pem) -> Block {
    let encrypted =
        pem.headers().get("Proc-Type").is_some_and(|value| value.trim() == "4,ENCRYPTED");
    // An encrypted block without its parameters stays encrypted, and so cannot be opened.
    let dek_info =
        encrypted.then(|| pem.headers().get("DEK-Info").unwrap_or_default().trim().to_owned());
    Block { label: pem.tag().to_owned(), dek_info, der: Zeroizing::new(pem.into_contents()) }
}

fn begins(bytes: &[u8]) -> usize {
    memchr::memmem::find_iter(bytes, b"-----BEGIN ").count()
}

/// The class of the error alone: its text may repeat parts of a key.
fn plain(error: &pem::PemError) -> String {
    match error {
        pem::PemError::InvalidData(_) => "not base64",
        pem::PemError::MismatchedTags(..) => "`BEGIN` and `END` differ",
        pem::PemError::NotUtf8(_) => "not text",
        _ => "not in the form of RFC 7468",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::PemError;
    use super::blocks;
    use super::is_pem;

    #[test]
    fn text_between_blocks_is_skipped() {
        let text =
            b"Bag Attributes\n  friendlyName: \xff\n-----BEGIN A-----\nAAEC\n-----END A-----\r\n\
            x\n-----BEGIN B-----\r\nAAEC\r\n-----END B-----";
        let labels: Vec<_> = blocks(text).unwrap().into_iter().map(|b| b.label).collect();
        assert_eq!(labels, ["A", "B"]);
    }

    #[test]
    fn a_block_that_is_cut_off_is_an_error() {
        let text = b"-----BEGIN A-----\nAAEC\n-----END A-----\n-----BEGIN B-----\nAAEC\n";
        assert_eq!(blocks(text).err(), Some(PemError::Truncated));
    }

    #[test]
    fn an_error_repeats_nothing_of_the_content() {
        let text = b"-----BEGIN A-----\nhunter2!!\n-----END A-----\n";
        let error = blocks(text).err().unwrap().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn der_is_not_pem() {
        assert!(!is_pem(&[0x30, 0x82, 0x01, 0x00]));
    }
}

//! Reads credential files: bounded, and never a temporary copy.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use crate::report;

/// The whole file, which is at most `limit` bytes long. The memory is overwritten when dropped,
/// since it may hold a private key.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    // Room for all of it at once: a growing vector would leave copies of a key behind.
    let expected = file.metadata().map_or(0, |metadata| metadata.len().min(limit));
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected as usize + 1));
    let count = file.take(limit + 1).read_to_end(&mut bytes)?;
    if count as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {limit} bytes, so it is no credential"),
        ));
    }
    Ok(bytes)
}

/// Why a credential file cannot be read.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => report::io_reason(error),
    }
}

/// The hint for a file that cannot be read: the flag, and the variable of the same name, that may
/// have given its path.
pub(super) fn check(flag: &str, path: &Path, error: &io::Error) -> String {
    let name = flag.trim_start_matches('-').replace('-', "_").to_ascii_uppercase();
    report::check_file(&format!("`{flag}` or `MCP_REMOTE_{name}`"), path, error)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_file_over_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap().as_slice(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().kind(), std::io::ErrorKind::FileTooLarge);
    }
}

//! Small text files that flags name: read whole, with a bound.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use crate::limits;
use crate::report;
use crate::report::Report;
use crate::secret::Secret;

/// Reads the UTF-8 text of a file of at most `limit` bytes; the memory is overwritten when the
/// text is dropped. A pipe such as `/dev/fd/3` works as well.
///
/// # Errors
///
/// The file, the flag or variable that named it, and why it cannot be used.
pub(super) fn read(by: &str, path: &Path, limit: u64) -> Result<Zeroizing<String>, Report> {
    let unread =
        |cause: String| Report::new(format!("unable to read `{}`", path.display())).cause(cause);
    let failed = |cause: String| unread(cause).hint(report::check_path(&format!("`{by}`"), path));
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    read.map_err(|error| {
        unread(describe(&error, path)).hint(report::check_file(&format!("`{by}`"), path, &error))
    })?;
    if bytes.len() as u64 > limit {
        return Err(failed(format!("the file is over {limit} bytes")));
    }
    match str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(failed("the file is not UTF-8".to_owned())),
    }
}

/// The passphrase in a file: its text without the end of its line.
pub(super) fn passphrase(by: &str, path: &Path) -> Result<Secret, Report> {
    let text = read(by, path, limits::PASSPHRASE_FILE_BYTES)?;
    let line = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text);
    Ok(Secret::new(line.to_owned()))
}

/// Windows does not say of a folder that it is one.
fn describe(error: &io::Error, path: &Path) -> String {
    if path.is_dir() { "it is a directory".to_owned() } else { report::io_reason(error) }
}

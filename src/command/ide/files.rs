//! The file of a host: read with a bound, written as a whole or not at all, never without a copy of what
//! was there.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::limits;
use crate::report;
use crate::report::Report;

/// Behind the name of a file, that of a copy; from the second one on with a number.
const BACKUP: &str = "mcp-secure-remote-backup";

/// Who may read a file that is made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner alone: it holds a secret.
    Owner,
    /// Whoever may read what its owner writes elsewhere.
    Usual,
}

/// The text of a file; `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, Report> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A file that is there by now is none of a moment ago; before it is written it is read again.
            return match fs::symlink_metadata(path) {
                Ok(found) if found.is_symlink() => {
                    Err(failed("read", path, "it is a link that leads nowhere"))
                }
                _ => Ok(None),
            };
        }
        Err(error) => return Err(failed("read", path, reason(&error, path))),
    };
    let mut bytes = Vec::new();
    let read = file.take(limits::HOST_FILE_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| failed("read", path, reason(&error, path)))?;
    if bytes.len() as u64 > limits::HOST_FILE_BYTES {
        let cause = format!("the file is over {} bytes", limits::HOST_FILE_BYTES);
        return Err(failed("read", path, cause));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| failed("read", path, "the file is not UTF-8"))
}

/// Writes the file, which held `before`, and says where the copy of that is, if one `is_copied`.
pub(super) fn write(
    path: &Path,
    before: Option<&str>,
    after: &str,
    readers: Readers,
    is_copied: bool,
) -> Result<Option<PathBuf>, Report> {
    let told = |error: io::Error| failed("write", path, reason(&error, path));
    let target = behind(path).map_err(told)?;
    if before.is_some() && fs::metadata(&target).map_err(told)?.permissions().readonly() {
        return Err(failed("write", path, "it is read-only"));
    }
    check(path, before)?;
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(told)?;
    }
    let backup = match before.filter(|_| is_copied) {
        Some(before) => Some(back_up(&target, before).map_err(told)?),
        None => None,
    };
    let written = replace(&target, before, after, readers);
    if written.is_err()
        && let Some(backup) = &backup
    {
        // Nothing has changed, so it is worth nothing.
        let _ = fs::remove_file(backup);
    }
    written.map_err(told).map(|()| backup)
}

/// Takes the file away that held `before`.
pub(super) fn delete(path: &Path, before: &str) -> Result<(), Report> {
    check(path, Some(before))?;
    fs::remove_file(path).map_err(|error| failed("remove", path, reason(&error, path)))
}

/// Takes the folders above the file and below `root` away that are empty.
pub(super) fn clear(path: &Path, root: Option<&Path>) {
    let below =
        |folder: &&Path| root.is_some_and(|root| *folder != root && folder.starts_with(root));
    for folder in path.ancestors().skip(1).take_while(below) {
        // One that holds anything else stays, and so do those above it.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

/// The copies of a file, the latest first.
pub(super) fn backups(path: &Path) -> Vec<PathBuf> {
    let target = behind(path).unwrap_or_else(|_| path.to_owned());
    let names = (1..=limits::HOST_FILE_BACKUPS).map(|number| backup_name(&target, number));
    let mut found: Vec<PathBuf> = names.filter(|path| path.is_file()).collect();
    found.reverse();
    found
}

/// Puts a copy back in the place of the file that held `before`; the copy is used up.
pub(super) fn restore(path: &Path, before: &str, backup: &Path, text: &str) -> Result<(), Report> {
    let told = |error: io::Error| failed("write", path, reason(&error, path));
    check(path, Some(before))?;
    let target = behind(path).map_err(told)?;
    replace(&target, Some(before), text, Readers::Owner).map_err(told)?;
    fs::remove_file(backup).map_err(|error| failed("remove", backup, reason(&error, backup)))
}

/// Lets nobody but its owner read a file that is there.
#[cfg(unix)]
pub(super) fn close(path: &Path) {
    use std::os::unix::fs::PermissionsExt;

    // That of somebody else is theirs to close.
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
}

/// Windows keeps access lists, whose default is private.
#[cfg(not(unix))]
pub(super) fn close(_: &Path) {}

/// Whether others than its owner may read the file.
#[cfg(unix)]
pub(super) fn is_shared(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

/// Windows keeps access lists, whose default is private.
#[cfg(not(unix))]
pub(super) fn is_shared(_: &Path) -> bool {
    false
}

/// Hosts write their files too, while somebody thinks about a question.
fn check(path: &Path, before: Option<&str>) -> Result<(), Report> {
    if read(path)?.as_deref() == before {
        return Ok(());
    }
    Err(failed("write", path, "it has changed in the meantime").hint("run the same command again"))
}

/// The file that a link leads to; what is none is itself.
pub(super) fn behind(path: &Path) -> io::Result<PathBuf> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    if is_link { fs::canonicalize(path) } else { Ok(path.to_owned()) }
}

/// Never over a copy that is there.
fn back_up(target: &Path, text: &str) -> io::Result<PathBuf> {
    for number in 1..=limits::HOST_FILE_BACKUPS {
        let path = backup_name(target, number);
        // Others need no copy, and there may be secrets in it.
        match new_file(&path, Readers::Owner).and_then(|file| fill(file, &path, text)) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("it has {} copies beside it", limits::HOST_FILE_BACKUPS)))
}

fn backup_name(target: &Path, number: usize) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let count = if number == 1 { String::new() } else { format!("-{number}") };
    target.with_file_name(format!("{name}.{BACKUP}{count}"))
}

fn replace(target: &Path, before: Option<&str>, after: &str, readers: Readers) -> io::Result<()> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let aside = target.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = match before {
        Some(_) => create(&aside, target, after),
        None => fill(new_file(&aside, readers)?, &aside, after),
    };
    let placed = written.and_then(|()| fs::rename(&aside, target));
    if placed.is_err() {
        let _ = fs::remove_file(&aside);
    }
    placed
}

/// A new file with this text, that the same people may read as `like`.
fn create(path: &Path, like: &Path, text: &str) -> io::Result<()> {
    let file = new_file(path, Readers::Owner)?;
    let shared = fs::metadata(like).and_then(|like| file.set_permissions(like.permissions()));
    if let Err(error) = shared {
        let _ = fs::remove_file(path);
        return Err(error);
    }
    fill(file, path, text)
}

/// Half a file is none.
fn fill(mut file: File, path: &Path, text: &str) -> io::Result<()> {
    let filled = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if filled.is_err() {
        let _ = fs::remove_file(path);
    }
    filled
}

#[cfg(unix)]
fn new_file(path: &Path, readers: Readers) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    let mode = if readers == Readers::Owner { 0o600 } else { 0o666 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

/// Windows keeps access lists; its default for a user's own folder is private.
#[cfg(not(unix))]
fn new_file(path: &Path, _: Readers) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

pub(super) fn failed(what: &str, path: &Path, cause: impl Into<String>) -> Report {
    Report::new(format!("cannot {what} `{}`", path.display())).cause(cause)
}

/// Why the file of a host cannot be read or written.
pub(super) fn reason(error: &io::Error, path: &Path) -> String {
    match error.kind() {
        _ if path.is_dir() => "it is a directory".to_owned(),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "something on the way there is not a folder".to_owned()
        }
        _ => report::io_reason(error),
    }
}

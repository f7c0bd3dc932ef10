//! One change at a time: the folder of a file is locked while the file is read, compared and replaced.

#[cfg(unix)]
use std::fs;
use std::fs::File;
#[cfg(unix)]
use std::fs::TryLockError;
use std::path::Path;
#[cfg(unix)]
use std::thread;
use std::time::Duration;

#[cfg(unix)]
use crate::command::ide::files;
#[cfg(unix)]
use crate::limits;
use crate::report::Report;

/// As long as it lives, no other process of this program changes files in the folder.
#[derive(Debug)]
pub struct Hold {
    /// Where the file system has no locks, there is none.
    _folder: Option<File>,
}

/// Locks the folder of the file, which is made if it is not there, after a wait of up to `limit`.
#[cfg(unix)]
pub(super) fn hold(path: &Path, limit: Duration) -> Result<Hold, Report> {
    let told = |error| files::failed("write", path, files::reason(&error, path));
    let target = files::behind(path).map_err(told)?;
    let folder = target.parent().unwrap_or(&target);
    let mut looks = limit.as_millis() / limits::HOST_FILE_LOOK.as_millis();
    loop {
        fs::create_dir_all(folder).map_err(told)?;
        let Ok(opened) = File::open(folder) else { return Ok(Hold { _folder: None }) };
        match opened.try_lock() {
            // It may have gone with the last entry, and another be in its place.
            Ok(()) if is_at(&opened, folder) => return Ok(Hold { _folder: Some(opened) }),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // Some of a network have no locks of folders. What is in the file is compared all the same.
            Err(TryLockError::Error(_)) => return Ok(Hold { _folder: None }),
        }
        if looks == 0 {
            let cause = format!("another program has locked its folder for {limit:?}");
            let hint = "run the same command again once that is done";
            return Err(files::failed("write", path, cause).hint(hint));
        }
        looks -= 1;
        wait();
    }
}

/// A folder cannot be opened there as a file is.
#[cfg(not(unix))]
pub(super) fn hold(_: &Path, _: Duration) -> Result<Hold, Report> {
    Ok(Hold { _folder: None })
}

#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "nothing else runs on this thread")]
fn wait() {
    thread::sleep(limits::HOST_FILE_LOOK);
}

#[cfg(unix)]
fn is_at(opened: &File, folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let place = |found: fs::Metadata| (found.dev(), found.ino());
    let there = fs::metadata(folder).map(place).ok();
    there.is_some() && there == opened.metadata().map(place).ok()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::thread;
    use std::time::Duration;

    use super::hold;
    use crate::limits;

    #[test]
    fn a_folder_that_another_holds_is_waited_for_but_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/mcp.json");
        let first = hold(&path, Duration::ZERO).unwrap();
        let report = hold(&path, Duration::ZERO).unwrap_err();
        assert!(report.cause.unwrap().contains("locked its folder") && report.hint.is_some());
        let other = path.clone();
        let waiting = thread::spawn(move || {
            let held = hold(&other, limits::HOST_FILE_WAIT).unwrap();
            assert!(other.parent().unwrap().is_dir(), "it holds the folder that is there now");
            held
        });
        fs::remove_dir(path.parent().unwrap()).unwrap();
        drop(first);
        let second = waiting.join().unwrap();
        assert!(hold(&path, Duration::ZERO).is_err());
        drop(second);
        hold(&path, Duration::ZERO).unwrap();
    }
}

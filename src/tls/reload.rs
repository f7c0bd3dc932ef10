//! Notices that credential files have changed.
//!
//! No watcher: a watch on a file is blind to the symlink swaps with which Kubernetes renews
//! mounted secrets, and asking costs some microseconds. The files are asked through the links.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

/// What the files looked like at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamps(Vec<Option<Stamp>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    /// A file that was moved into place may have kept its date and its size.
    inode: u64,
}

impl Stamps {
    /// Looks at each file now. A missing file has a stamp of its own.
    pub(super) fn take(paths: &[PathBuf]) -> Self {
        Self(paths.iter().map(stamp).collect())
    }
}

/// Whether the files can be read a second time: a pipe, as `<(pass show key)` of a shell is one,
/// gives its bytes once, and to open it again could wait for ever. A missing file does not wait.
pub(super) fn can_be_read_again(paths: &[PathBuf]) -> bool {
    paths.iter().all(|path| fs::metadata(path).map_or(true, |metadata| metadata.is_file()))
}

fn stamp(path: &PathBuf) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok(),
        bytes: metadata.len(),
        inode: inode(&metadata),
    })
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

/// Elsewhere the date and the size have to do.
#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Stamps;

    #[test]
    fn a_file_of_the_same_size_and_date_moved_into_place_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let paths = vec![path.clone()];
        assert_eq!(Stamps::take(&paths), Stamps::take(&paths));
        fs::write(&path, "one").unwrap();
        let before = Stamps::take(&paths);
        let other = folder.path().join("b");
        fs::write(&other, "two").unwrap();
        let date = fs::metadata(&path).unwrap().modified().unwrap();
        fs::File::options().write(true).open(&other).unwrap().set_modified(date).unwrap();
        fs::rename(&other, &path).unwrap();
        #[cfg(unix)]
        assert_ne!(Stamps::take(&paths), before);
        fs::remove_file(&path).unwrap();
        assert_ne!(Stamps::take(&paths), before);
    }
}

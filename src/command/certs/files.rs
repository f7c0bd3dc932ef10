//! Files that appear together or not at all, keys private from the first byte on.
//!
//! Each file is written under another name in the same folder first, `.NAME.new`, and gets its own
//! name once all are there. Only one run can make the file `.NAME.new`, and it looks for the names
//! after that: two runs at the same time cannot mix their sets.

use std::fs;
use std::fs::DirBuilder;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::report::Report;
use crate::report::io_reason;

/// A file that is to be written.
pub(super) struct NewFile {
    name: String,
    content: Zeroizing<Vec<u8>>,
    private: bool,
}

impl NewFile {
    /// One that everybody may read.
    pub(super) fn public(name: &str, content: String) -> Self {
        let content = Zeroizing::new(content.into_bytes());
        Self { name: name.to_owned(), content, private: false }
    }

    /// One for its owner alone.
    pub(super) fn private(name: &str, content: Zeroizing<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), content, private: true }
    }
}

/// Says whether these names may be written: nothing has one of them, or it is a file and `force`.
pub(super) fn check(folder: &Path, names: &[String], force: bool) -> Result<(), Report> {
    let is_file = match fs::metadata(folder) {
        Ok(found) => !found.is_dir(),
        Err(error) => error.kind() == io::ErrorKind::NotADirectory,
    };
    if is_file {
        return Err(failed("write to", folder, "it is not a folder"));
    }
    for path in names.iter().map(|name| folder.join(name)) {
        // A link counts as what it is, not as what it leads to.
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if found.is_dir() {
            return Err(failed("write", &path, "it is a folder"));
        }
        if !force {
            let report = failed("write", &path, "it exists already");
            return Err(
                report.hint("choose another folder, or replace what is there with `--force`")
            );
        }
    }
    Ok(())
}

/// Says whether a new CA may be made without a key beside it: the key of another one would stay.
pub(super) fn check_stale(folder: &Path, key: &str) -> Result<(), Report> {
    let path = folder.join(key);
    if fs::symlink_metadata(&path).is_err() {
        return Ok(());
    }
    Err(failed(
        "make a new CA beside",
        &path,
        "it is the key of another CA, which would be replaced",
    )
    .hint("choose another folder, or replace the key too with `--keep-ca --force`"))
}

/// Says whether a file of the CA is there, before a passphrase is asked for.
pub(super) fn check_present(path: &Path) -> Result<(), Report> {
    match fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(failed("use the CA in", path, io_reason(&error))
            .hint("clients are added to a set whose CA was kept: make one with `certs --keep-ca`")),
    }
}

/// Writes all files, or leaves everything as it was.
pub(super) fn write(folder: &Path, files: &[NewFile], force: bool) -> Result<(), Report> {
    let names: Vec<_> = files.iter().map(|file| file.name.clone()).collect();
    let mut attempt = Attempt::default();
    attempt.make_folder(folder).map_err(|error| failed("make", folder, io_reason(&error)))?;
    for file in files {
        attempt.write_aside(folder, file, force)?;
    }
    check(folder, &names, force)?;
    for file in files {
        let path = folder.join(&file.name);
        attempt.put_in_place(&path).map_err(|error| failed("write", &path, io_reason(&error)))?;
    }
    attempt.succeed();
    Ok(())
}

/// What was done so far, and is undone when it is dropped.
#[derive(Default)]
struct Attempt {
    folders: Vec<PathBuf>,
    aside: Vec<PathBuf>,
    placed: Vec<PathBuf>,
    replaced: Vec<PathBuf>,
}

impl Attempt {
    fn make_folder(&mut self, folder: &Path) -> io::Result<()> {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.make_folder(parent)?;
        }
        builder().create(folder)?;
        self.folders.push(folder.to_owned());
        Ok(())
    }

    fn write_aside(&mut self, folder: &Path, file: &NewFile, force: bool) -> Result<(), Report> {
        let path = new_name(&folder.join(&file.name));
        if force {
            // Left over from a run that was killed; whether it was there does not matter.
            let _ = fs::remove_file(&path);
        }
        let mut open = match options(file.private).open(&path) {
            Ok(open) => open,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let cause = "it exists: another run is under way, or one was killed";
                return Err(failed("write", &path, cause).hint("if no other runs, remove it"));
            }
            Err(error) => return Err(failed("write", &path, io_reason(&error))),
        };
        self.aside.push(path.clone());
        let written = open.write_all(&file.content).and_then(|()| open.sync_all());
        written.map_err(|error| failed("write", &path, io_reason(&error)))
    }

    fn put_in_place(&mut self, path: &Path) -> io::Result<()> {
        if fs::symlink_metadata(path).is_ok() {
            fs::rename(path, old_name(path))?;
            self.replaced.push(path.to_owned());
        }
        let aside = new_name(path);
        fs::rename(&aside, path)?;
        self.aside.retain(|path| *path != aside);
        self.placed.push(path.to_owned());
        Ok(())
    }

    fn succeed(mut self) {
        for path in self.replaced.drain(..) {
            let _ = fs::remove_file(old_name(&path));
        }
        self.placed.clear();
        self.folders.clear();
    }
}

/// Nobody is left to tell what cannot be undone.
impl Drop for Attempt {
    fn drop(&mut self) {
        for path in self.aside.iter().chain(&self.placed) {
            let _ = fs::remove_file(path);
        }
        for path in &self.replaced {
            let _ = fs::rename(old_name(path), path);
        }
        for path in self.folders.iter().rev() {
            let _ = fs::remove_dir(path);
        }
    }
}

fn new_name(path: &Path) -> PathBuf {
    hidden(path, "new")
}

fn old_name(path: &Path) -> PathBuf {
    hidden(path, "old")
}

fn hidden(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{ending}"))
}

/// A new file: what has the name already is neither opened nor followed.
#[cfg(unix)]
fn options(private: bool) -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(if private { 0o600 } else { 0o644 });
    options
}

/// Windows keeps access lists; its default for a user's own folder is private.
#[cfg(not(unix))]
fn options(_: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}

#[cfg(unix)]
fn builder() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt;

    let mut builder = DirBuilder::new();
    builder.mode(0o755);
    builder
}

#[cfg(not(unix))]
fn builder() -> DirBuilder {
    DirBuilder::new()
}

fn failed(what: &str, path: &Path, cause: impl Into<String>) -> Report {
    Report::new(format!("cannot {what} `{}`", path.display())).cause(cause)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use tempfile::tempdir;
    use zeroize::Zeroizing;

    use super::NewFile;
    use super::write;

    fn files(content: &str) -> Vec<NewFile> {
        let bytes = Zeroizing::new(content.as_bytes().to_vec());
        vec![NewFile::public("a.crt", content.to_owned()), NewFile::private("a.key", bytes)]
    }

    /// All that is below a folder; links as where they lead to.
    fn found(folder: &Path) -> BTreeMap<String, String> {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let content = |path: &Path| match fs::read_link(path) {
            Ok(target) => format!("-> {}", target.display()),
            Err(_) => fs::read_to_string(path).unwrap_or_else(|_| "a folder".to_owned()),
        };
        let named = |entry: fs::DirEntry| {
            (entry.file_name().into_string().unwrap(), content(&entry.path()))
        };
        entries.map(named).collect()
    }

    fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt;

        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folders_are_made_as_needed() {
        let folder = tempdir().unwrap();
        let deep = folder.path().join("a/b");
        write(&deep, &files("1"), false).unwrap();
        assert_eq!(found(&deep), expected(&[("a.crt", "1"), ("a.key", "1")]));
        #[cfg(unix)]
        assert_eq!([mode(&deep.join("a.key")), mode(&deep)], [0o600, 0o755]);
    }

    #[test]
    fn what_exists_is_replaced_only_with_force() {
        let folder = tempdir().unwrap();
        write(folder.path(), &files("1"), false).unwrap();
        fs::remove_file(folder.path().join("a.crt")).unwrap();
        let report = write(folder.path(), &files("2"), false).unwrap_err();
        assert!(report.error.ends_with("a.key`") && report.hint.unwrap().contains("--force"));
        assert_eq!(found(folder.path()), expected(&[("a.key", "1")]));
        write(folder.path(), &files("2"), true).unwrap();
        assert_eq!(found(folder.path()), expected(&[("a.crt", "2"), ("a.key", "2")]));
    }

    #[test]
    fn a_run_that_fails_leaves_everything_as_it_was() {
        let folder = tempdir().unwrap();
        write(folder.path(), &files("1"), false).unwrap();
        // The second file cannot get its place, after the first one did.
        let old = folder.path().join(".a.key.old");
        fs::create_dir_all(old.join("x")).unwrap();
        write(folder.path(), &files("2"), true).unwrap_err();
        let before = [("a.crt", "1"), ("a.key", "1"), (".a.key.old", "a folder")];
        assert_eq!(found(folder.path()), expected(&before));

        let fresh = folder.path().join("new/deep");
        let bad = [files("1").remove(0), NewFile::public("no/such", String::new())];
        write(&fresh, &bad, false).unwrap_err();
        assert!(!folder.path().join("new").exists());
    }

    #[test]
    fn two_runs_at_the_same_time_do_not_mix() {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join(".a.key.new"), "theirs").unwrap();
        let report = write(folder.path(), &files("1"), false).unwrap_err();
        assert!(report.cause.unwrap().contains("another run"));
        assert_eq!(found(folder.path()), expected(&[(".a.key.new", "theirs")]));
        write(folder.path(), &files("1"), true).unwrap();
        assert_eq!(found(folder.path()), expected(&[("a.crt", "1"), ("a.key", "1")]));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_never_followed() {
        let (folder, elsewhere) = (tempdir().unwrap(), tempdir().unwrap());
        let target = elsewhere.path().join("target");
        for name in ["a.key", ".a.crt.new"] {
            std::os::unix::fs::symlink(&target, folder.path().join(name)).unwrap();
        }
        write(folder.path(), &files("1"), false).unwrap_err();
        write(folder.path(), &files("1"), true).unwrap();
        assert_eq!(found(folder.path()), expected(&[("a.crt", "1"), ("a.key", "1")]));
        assert!(!target.exists());
    }
}

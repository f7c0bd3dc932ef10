//! The file behind the name of a program, looked for once and not at every start.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::report;
use crate::report::Report;

/// Where programs are looked for without a `PATH` (POSIX, `confstr`).
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a program may be called besides its plain name.
const ENDINGS: &[&str] = if cfg!(windows) { &["", ".exe", ".cmd", ".bat"] } else { &[""] };

/// The whole path of `program`: a name is looked for in the folders of `path`, anything else stands
/// for itself.
///
/// # Errors
/// There is none, or it cannot be run.
pub(crate) fn find(program: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, Report> {
    let shown = program.display();
    if program.is_empty() {
        return Err(Report::new("the name of the program is empty"));
    }
    let typed = Path::new(program);
    let folders: Vec<PathBuf> = if typed.components().count() > 1 || typed.is_absolute() {
        vec![PathBuf::new()]
    } else {
        std::env::split_paths(path.unwrap_or(OsStr::new(DEFAULT_PATH))).collect()
    };
    let by_path = folders.len() == 1 && folders[0].as_os_str().is_empty();
    let mut refused = None;
    for folder in folders {
        for ending in ENDINGS {
            let mut name = program.to_owned();
            name.push(ending);
            match look(&folder.join(name)) {
                Ok(found) => return Ok(found),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => refused = refused.or(Some(e)),
            }
        }
    }
    Err(match refused {
        Some(e) => Report::new(format!("cannot run the program `{shown}`")).cause(e.to_string()),
        None if by_path => Report::new(format!("there is no program `{shown}`"))
            .hint(report::check_path("`-- COMMAND`", typed)),
        None => Report::new(format!("cannot find the program `{shown}`"))
            .cause("it is in no folder of `PATH`")
            .hint("give its whole path"),
    })
}

/// That `folder` is one.
///
/// # Errors
/// It is none, or cannot be looked at.
pub(crate) fn check_folder(folder: &Path) -> Result<(), Report> {
    let error = || {
        Report::new(format!("cannot use the folder `{}`", folder.display()))
            .hint(report::check_path("`--directory`", folder))
    };
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(error().cause("it is a file")),
        Err(e) => Err(error().cause(e.to_string())),
    }
}

fn look(file: &Path) -> io::Result<PathBuf> {
    let found = fs::metadata(file)?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if !may_run(&found) {
        return Err(io::Error::other("the file is not executable"));
    }
    std::path::absolute(file)
}

#[cfg(unix)]
fn may_run(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    /// Owner, group or others: the system knows which of them we are.
    const EXECUTABLE: u32 = 0o111;
    file.permissions().mode() & EXECUTABLE != 0
}

#[cfg(not(unix))]
fn may_run(_: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::check_folder;
    use super::find;

    #[test]
    fn a_name_is_looked_for_in_the_path_and_a_path_stands_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        let path = std::env::join_paths(["/nowhere".as_ref(), folder.path()]).unwrap();
        let error = |name: &OsStr| find(name, Some(&path)).unwrap_err().line();
        let name = OsStr::new("server");
        assert!(error(name).contains("`server`: the file is not executable"), "{}", error(name));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find(name, Some(&path)).unwrap(), file);
        assert_eq!(find(file.as_os_str(), None).unwrap(), file);
        assert!(find(OsStr::new("sh"), None).is_ok());
        assert!(error(OsStr::new("serve")).contains("no folder of `PATH`"));
        assert!(error(OsStr::new("./serve")).contains("there is no program `./serve`"));
        assert!(error(folder.path().as_os_str()).contains("it is not a file"));
        assert!(error(OsStr::new("")).contains("empty"));
    }

    #[test]
    fn a_folder_has_to_be_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(check_folder(&std::env::temp_dir()).is_ok());
        assert!(check_folder(file.path()).unwrap_err().line().contains("it is a file"));
        assert!(check_folder("/nowhere".as_ref()).is_err());
    }
}

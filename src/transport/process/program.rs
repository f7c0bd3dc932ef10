//! The file behind the name of a program, looked for once and not at every start.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::report;
use crate::report::Report;

/// What a file may end in that Windows can run as a program, in its own order (`PATHEXT`). The others that stand in
/// that variable need a program that reads them.
#[cfg(windows)]
const ENDINGS: [&str; 4] = ["com", "exe", "bat", "cmd"];

/// The whole path of `program`: a name is looked for in the folders of `path`, anything else stands
/// for itself. On Windows it gets one of the endings of programs, if it has none: beside `npx.cmd` lies an
/// `npx` that nothing there can run.
///
/// # Errors
/// There is none, or it cannot be run.
pub(crate) fn find(program: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, Report> {
    if program.is_empty() {
        return Err(Report::new("the name of the program is empty"));
    }
    let typed = Path::new(program);
    let is_path = typed.components().count() > 1 || typed.is_absolute();
    let folders = if is_path { vec![PathBuf::new()] } else { folders(path) };
    let mut refused = None;
    for file in folders.iter().flat_map(|folder| files(&folder.join(typed))) {
        match look(&file) {
            Ok(found) => return Ok(found),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => refused = refused.or(Some(e)),
        }
    }
    Err(not_found(typed, is_path, refused))
}

fn not_found(typed: &Path, is_path: bool, refused: Option<io::Error>) -> Report {
    let shown = typed.display();
    match refused {
        Some(e) => Report::new(format!("cannot run the program `{shown}`")).cause(e.to_string()),
        None if is_path && cfg!(windows) && typed.is_file() => {
            Report::new(format!("cannot run the program `{shown}`"))
                .cause("its name does not end in `.exe`, `.com`, `.cmd` or `.bat`")
                .hint("name the program that reads it first, as in `node server.js`")
        }
        None if is_path => Report::new(format!("there is no program `{shown}`"))
            .hint(report::check_path("`-- COMMAND`", typed)),
        None => Report::new(format!("cannot find the program `{shown}`"))
            .cause("it is in no folder of `PATH`")
            .hint("give its whole path"),
    }
}

/// The folders of `path`; without one, the usual ones (POSIX, `confstr`).
#[cfg(unix)]
fn folders(path: Option<&OsStr>) -> Vec<PathBuf> {
    std::env::split_paths(path.unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin"))).collect()
}

/// The folders of `path`. One without a name is none, or whoever can write to the current folder could choose
/// what is run.
#[cfg(windows)]
fn folders(path: Option<&OsStr>) -> Vec<PathBuf> {
    let folders = std::env::split_paths(path.unwrap_or_default());
    folders.filter(|folder| !folder.as_os_str().is_empty()).collect()
}

/// The files that a name may stand for.
#[cfg(unix)]
fn files(named: &Path) -> Vec<PathBuf> {
    vec![named.to_owned()]
}

/// The files that a name may stand for: itself with the ending of a program, or else with each of them.
#[cfg(windows)]
fn files(named: &Path) -> Vec<PathBuf> {
    let ends_in = |ending: &OsStr| ENDINGS.iter().any(|it| ending.eq_ignore_ascii_case(it));
    if named.extension().is_some_and(ends_in) {
        return vec![named.to_owned()];
    }
    let with = |ending| {
        let mut name = named.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        PathBuf::from(name)
    };
    ENDINGS.into_iter().map(with).collect()
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

#[cfg(windows)]
fn may_run(_: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;

    use super::check_folder;
    use super::find;

    #[test]
    #[cfg(unix)]
    fn a_name_is_looked_for_in_the_path_and_a_path_stands_for_itself() {
        use std::os::unix::fs::PermissionsExt;

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
    #[cfg(windows)]
    fn a_name_stands_for_a_file_that_windows_can_run() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["npx", "npx.cmd", "both.CMD", "both.Exe", "server.js", "py3.11.exe", "x.ps1"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let path = std::env::join_paths(["C:\\nowhere".as_ref(), folder.path()]).unwrap();
        let found = |name: &str| find(OsStr::new(name), Some(&path)).ok();
        let file = |name: &str| Some(folder.path().join(name).as_os_str().to_ascii_lowercase());
        for (name, expected) in [
            ("npx", "npx.cmd"),
            ("NPX.CMD", "npx.cmd"),
            ("both", "both.exe"),
            ("both.cmd", "both.cmd"),
            ("py3.11", "py3.11.exe"),
        ] {
            let lower = found(name).map(|path| path.as_os_str().to_ascii_lowercase());
            assert_eq!(lower, file(expected), "{name}");
        }
        for name in ["x", "x.ps1", "server.js", "npx.exe"] {
            assert_eq!(found(name), None, "{name}");
        }
        let script = folder.path().join("server.js");
        let report = find(script.as_os_str(), None).unwrap_err();
        assert!(report.hint.unwrap().contains("node server.js"));
        assert!(find(folder.path().join("npx").as_os_str(), None).is_ok());
    }

    #[test]
    #[cfg(windows)]
    fn the_current_folder_is_searched_only_where_the_path_names_it() {
        let here = std::env::current_dir().unwrap();
        let file = tempfile::Builder::new().suffix(".cmd").tempfile_in(&here).unwrap();
        let name = file.path().file_stem().unwrap();
        for path in [None, Some(""), Some("C:\\nowhere;;"), Some(";C:\\nowhere")] {
            assert!(find(name, path.map(OsStr::new)).is_err(), "{path:?}");
        }
        assert_eq!(find(name, Some(OsStr::new("."))).unwrap(), file.path());
    }

    #[test]
    fn a_folder_has_to_be_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(check_folder(&std::env::temp_dir()).is_ok());
        assert!(check_folder(file.path()).unwrap_err().line().contains("it is a file"));
        assert!(check_folder("/nowhere-at-all".as_ref()).is_err());
    }
}

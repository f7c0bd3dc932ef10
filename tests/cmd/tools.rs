//! Programs of the system that judge what we print.

use std::env;
use std::io;
use std::io::Write;
use std::path::PathBuf;
use std::thread;

/// A program, and the Debian package that has it. One that is missing is said out loud; in CI that
/// is a failure.
pub(crate) fn found(program: &str, package: &str) -> Option<PathBuf> {
    let places = env::var_os("PATH").unwrap_or_default();
    let mut files = env::split_paths(&places).map(|place| place.join(program));
    let found = files.find(|file| file.is_file());
    if found.is_none() && cfg!(target_os = "linux") {
        let missing = format!("{program} is not installed (`apt-get install {package}`)");
        assert_ne!(env::var("CI").as_deref(), Ok("true"), "{missing}");
        let test = thread::current().name().unwrap_or_default().to_owned();
        // Not `eprintln!`: the test runner swallows that of a test which passes.
        let _ = writeln!(io::stderr(), "SKIPPED: {test}: {missing}");
    }
    found
}

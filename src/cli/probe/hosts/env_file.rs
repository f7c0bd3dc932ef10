//! The file of variables that `envFile` of VS Code and Cursor names.

use std::path::Path;

use crate::cli::files;
use crate::limits;
use crate::report::Report;

/// The variables of the file, in their order.
///
/// # Errors
/// It cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<(String, String)>, Report> {
    let text = files::read("envFile", path, limits::ENV_FILE_BYTES)?;
    Ok(text.lines().filter_map(variable).collect())
}

/// `NAME=value`, with or without quotes; nothing for a comment, and for a line that is something else,
/// which hosts pass over.
fn variable(line: &str) -> Option<(String, String)> {
    let line = line.trim_start_matches('\u{feff}').trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
    let value = value.trim();
    let quoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote).and_then(|rest| rest.strip_suffix(*quote)));
    Some((name.trim().to_owned(), quoted.unwrap_or(value).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn a_line_is_a_variable_or_nothing() {
        for (line, expected) in [
            ("A=b", Some(("A", "b"))),
            ("  export A = b=c ", Some(("A", "b=c"))),
            ("A=\"b c\"", Some(("A", "b c"))),
            ("A='b'", Some(("A", "b"))),
            ("A=\"", Some(("A", "\""))),
            ("A=", Some(("A", ""))),
            ("# A=b", None),
            ("", None),
            ("words", None),
        ] {
            let found = variable(line);
            let found = found.as_ref().map(|(name, value)| (&**name, &**value));
            assert_eq!(found, expected, "{line}");
        }
    }
}

//! What hosts fill in where a text of their configuration has `${...}`.

use std::path::Path;
use std::path::PathBuf;

use crate::cli::environment::Environment;

/// What is known here of what a host fills in.
pub(super) struct Values<'a> {
    env: &'a Environment,
    /// What belongs to the file: `${workspaceFolder}`.
    folder: PathBuf,
    /// `$NAME` counts without braces, too, as it does for Gemini CLI alone.
    bare: bool,
}

impl<'a> Values<'a> {
    /// For the file at `path`. A project keeps it at its top, or in a folder such as `.vscode` there.
    pub(super) fn new(path: &Path, env: &'a Environment) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().unwrap_or(&path);
        let named = |name: &str| path.components().any(|part| part.as_os_str() == name);
        let is_hidden =
            folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let project = folder.parent().filter(|_| is_hidden).unwrap_or(folder);
        let bare = named(".gemini") || named("gemini-cli");
        Self { env, folder: project.to_owned(), bare }
    }

    /// The same for another project.
    pub(super) fn of_folder(&self, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..*self }
    }

    /// The text with everything filled in. The variables that the host sets for the server, `own`, come
    /// first; one that is not set is left, since the program may fill it in itself.
    ///
    /// # Errors
    /// Why this cannot be known here.
    pub(super) fn fill(&self, text: &str, own: &[(String, String)]) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            filled.push_str(before);
            let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let (value, behind) = match braced {
                Some((name, behind)) => (self.known(name, own)?, behind),
                None if self.bare => {
                    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    let (name, behind) =
                        after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len()));
                    (self.variable(name, own), behind)
                }
                None => (None, after),
            };
            match value {
                Some(value) => filled.push_str(&value),
                None => filled.push_str(&rest[before.len()..rest.len() - behind.len()]),
            }
            rest = behind;
        }
        Ok(filled + rest)
    }

    /// The value of `${name}`: of VS Code and Cursor, then of Claude Code and Gemini CLI.
    fn known(&self, name: &str, own: &[(String, String)]) -> Result<Option<String>, String> {
        let shown = |path: &Path| Some(path.display().to_string());
        if let Some(name) = name.strip_prefix("env:") {
            // They fill in nothing for one that is not set.
            return Ok(Some(self.variable(name, &[]).unwrap_or_default()));
        }
        if let Some(input) = name.strip_prefix("input:") {
            let instead = "probe it alone, with the value in its place";
            return Err(format!("it asks its user for `{input}`: {instead}"));
        }
        Ok(match name {
            "workspaceFolder" => shown(&self.folder),
            "workspaceFolderBasename" => self.folder.file_name().and_then(|it| shown(it.as_ref())),
            "userHome" => self.variable(if cfg!(windows) { "USERPROFILE" } else { "HOME" }, &[]),
            "pathSeparator" | "/" => Some(std::path::MAIN_SEPARATOR_STR.to_owned()),
            _ => match name.split_once(":-") {
                Some((name, default)) => {
                    Some(self.variable(name, own).unwrap_or_else(|| default.to_owned()))
                }
                None if name.contains(':') => {
                    return Err(format!("its host alone knows `${{{name}}}`"));
                }
                None => self.variable(name, own),
            },
        })
    }

    fn variable(&self, name: &str, own: &[(String, String)]) -> Option<String> {
        let own = own.iter().rev().find(|(known, value)| known == name && !value.is_empty());
        let here = || Some(self.env.var(name)?.to_string_lossy().into_owned());
        own.map(|(_, value)| value.clone()).or_else(here)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Values;
    use crate::cli::environment::Environment;

    fn filled(path: &str, text: &str) -> Result<String, String> {
        let env = [("A", "1"), ("HOME", "/users/me"), ("USERPROFILE", "/users/me"), ("EMPTY", "")];
        let env: Environment = env.into_iter().collect();
        let own = [("OWN".to_owned(), "2".to_owned())];
        Values::new(Path::new(path), &env).fill(text, &own)
    }

    #[test]
    fn each_form_of_the_hosts_is_filled_in() {
        for (text, expected) in [
            ("x${env:A}y${env:B}z", "x1yz"),
            ("${A} ${OWN} ${B}", "1 2 ${B}"),
            ("${env:OWN}", ""),
            ("${A:-d} ${B:-https://b/} ${EMPTY:-d}", "1 https://b/ d"),
            ("${userHome}", "/users/me"),
            ("$A $ ${A", "$A $ ${A"),
            ("${A}$", "1$"),
        ] {
            assert_eq!(filled("/srv/shop/.vscode/mcp.json", text).as_deref(), Ok(expected));
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_that_of_the_project() {
        for path in ["/srv/shop/.vscode/mcp.json", "/srv/shop/.mcp.json"] {
            let text = "${workspaceFolder}/x ${workspaceFolderBasename}";
            assert_eq!(filled(path, text).as_deref(), Ok("/srv/shop/x shop"), "{path}");
        }
    }

    #[test]
    fn a_name_without_braces_counts_for_the_one_host_that_has_it() {
        let path = "/users/me/.gemini/settings.json";
        assert_eq!(filled(path, "$A-$B ${A} $").as_deref(), Ok("1-$B 1 $"));
    }

    #[test]
    fn what_the_host_alone_knows_is_no_value() {
        let path = "/srv/shop/.vscode/mcp.json";
        let told = "it asks its user for `token`: probe it alone, with the value in its place";
        assert_eq!(filled(path, "Bearer ${input:token}"), Err(told.to_owned()));
        let told = "its host alone knows `${config:a.b}`";
        assert_eq!(filled(path, "${config:a.b}"), Err(told.to_owned()));
    }
}

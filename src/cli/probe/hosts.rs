//! The configuration file of a host: which of its servers are reached by this program, and how.

mod container;
mod env_file;
mod start;
mod values;

use std::path::Path;

use serde_json::Map;
use serde_json::Value;

use crate::cli::environment::Environment;
use crate::cli::files;
use crate::cli::probe::hosts::values::Values;
use crate::command::ide::json;
use crate::command::ide::merge;
use crate::limits;
use crate::report::Report;

pub(super) use crate::cli::probe::hosts::start::Start;

/// A server in the file.
#[derive(Debug)]
pub(super) struct Configured {
    /// What the host calls it.
    pub(super) name: String,
    /// How it is started.
    pub(super) start: Start,
}

/// Where hosts keep their servers: Claude, Cursor and most others; VS Code; its settings; Zed; Codex.
const PLACES: [&str; 5] =
    ["/mcpServers", "/servers", "/mcp/servers", "/context_servers", "/mcp_servers"];

/// The servers of a file, in the order of their names. Comments and commas too many are let be, as editors do.
///
/// # Errors
/// It cannot be read, or it has no servers.
pub(super) fn read(path: &Path, env: &Environment) -> Result<Vec<Configured>, Report> {
    let value = parsed(path)?;
    let values = Values::new(path, env);
    let places = PLACES.into_iter().filter_map(|place| value.pointer(place)?.as_object());
    let mut found: Vec<Configured> = places.flat_map(|place| servers(place, &values)).collect();
    // Claude Code keeps some for each project, too.
    for (folder, project) in value["projects"].as_object().into_iter().flatten() {
        let Some(place) = project["mcpServers"].as_object() else { continue };
        let values = values.of_folder(Path::new(folder));
        let own = servers(place, &values).map(|it| match is_off(project, &it.name) {
            true => Configured { start: Start::Other("disabled".to_owned()), ..it },
            false => it,
        });
        found.extend(own.map(|it| Configured { name: format!("{} ({folder})", it.name), ..it }));
    }
    if found.is_empty() {
        let cause = "there is none in `mcpServers`, `servers`, `context_servers` or `mcp_servers`";
        return Err(failed(path, cause.to_owned())
            .hint("pass the file in which your IDE or agent keeps its MCP servers, in JSON or, as `.toml`, in TOML"));
    }
    Ok(found)
}

/// Claude Code keeps beside the servers of a project the names of those that are switched off.
fn is_off(project: &Value, name: &str) -> bool {
    let mut off = project["disabledMcpServers"].as_array().into_iter().flatten();
    off.any(|it| it == name)
}

fn servers(place: &Map<String, Value>, values: &Values<'_>) -> impl Iterator<Item = Configured> {
    let one = |(name, entry): (&String, &Value)| Configured {
        name: name.clone(),
        start: start::read(entry, values),
    };
    place.iter().map(one)
}

/// The JSON of the file, with comments; the TOML of one that is called so.
fn parsed(path: &Path) -> Result<Value, Report> {
    let hint = "mend that place, or pass the file in which your IDE or agent keeps its MCP servers";
    let text = files::read("--all", path, limits::HOST_FILE_BYTES)?;
    if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("toml")) {
        return merge::toml(&text).map_err(|unfit| failed(path, unfit).hint(hint));
    }
    // Some editors of Windows begin a file with a byte order mark.
    let text = text.trim_start_matches('\u{feff}');
    jsonc_parser::parse_to_serde_value::<Value>(text, &Default::default())
        .map_err(|error| failed(path, json::told(&error)).hint(hint))
}

fn failed(path: &Path, cause: String) -> Report {
    Report::new(format!("no servers to probe in `{}`", path.display())).cause(cause)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Configured;
    use super::Start;
    use super::read;
    use crate::cli::environment::Environment;
    use crate::report::Report;

    fn of_text(text: &str) -> Result<Vec<Configured>, Report> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path(), &Environment::default())
    }

    #[test]
    fn the_servers_of_each_host_are_found() {
        let entry =
            r#"{"command": "mcp-secure-remote", "args": ["https://a/"], "env": {"A": "b"}}"#;
        let zed = r#"{"command": {"path": "mcp-secure-remote", "args": ["https://a/"], "env": {"A": "b"}}}"#;
        for (text, entry) in [
            (r#"{"mcpServers": {"x": ENTRY}}"#, entry),
            (
                r#"{"servers": {"x": ENTRY, }, // of VS Code
                "inputs": []}"#,
                entry,
            ),
            (r#"/* all of it */ {"mcp": {"servers": {"x": ENTRY}}}"#, entry),
            (r#"{"context_servers": {"x": ENTRY}}"#, zed),
            (r#"{"context_servers": {"x": ENTRY}}"#, entry),
        ] {
            let found = of_text(&text.replace("ENTRY", entry)).unwrap();
            assert_eq!((found.len(), &*found[0].name), (1, "x"), "{text}");
            assert_eq!(found[0].start, Start::ours(&["https://a/"], &[("A", "b")]), "{text}");
        }
    }

    #[test]
    fn a_file_of_tables_is_read_too() {
        let of_text = |text: &str| {
            let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            read(file.path(), &Environment::default())
        };
        let ours = "command = 'mcp-secure-remote'\nargs = ['https://a/']\n";
        let found = of_text(&format!(
            "[mcp_servers.x]\n{ours}env = {{ A = 'b' }}\n[mcp_servers.y]\n{ours}enabled = false\n"
        ));
        let starts: Vec<Start> = found.unwrap().into_iter().map(|it| it.start).collect();
        let off = Start::Other("disabled".to_owned());
        assert_eq!(starts, [Start::ours(&["https://a/"], &[("A", "b")]), off]);
        let cause = of_text("a = 1\nb = \n").unwrap_err().cause.unwrap();
        assert!(cause.starts_with("it is not TOML: ") && cause.ends_with("line 2"), "{cause}");
    }

    #[test]
    fn all_places_of_a_file_count_and_projects_are_named() {
        let found = of_text(
            r#"{"mcpServers": {"b": {}, "a": {}}, "servers": {"a": {}},
                "projects": {"/users/me/shop": {"mcpServers": {"c": {"command": "mcp-secure-remote",
                    "args": ["https://a/", "--tls-ca", "${workspaceFolder}/ca"]}}},
                    "/other": {"history": []}}}"#,
        )
        .unwrap();
        let names: Vec<&str> = found.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["a", "b", "a", "c (/users/me/shop)"]);
        let args = ["https://a/", "--tls-ca", "/users/me/shop/ca"];
        assert_eq!(found[3].start, Start::ours(&args, &[]));
    }

    #[test]
    fn a_file_without_servers_is_refused() {
        for text in ["", "{}", "7", r#"{"mcpServers": []}"#, r#"{"projects": {"a": {}}}"#] {
            let report = of_text(text).unwrap_err();
            assert!(report.error.contains("no servers to probe"), "{report}");
            assert!(report.cause.is_some_and(|it| it.contains("none in `mcpServers`")), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_told_with_its_place() {
        for (text, place) in [("[", "line 1, column 2"), ("{\"a\": 1\n  b}", "line 2, column 3")] {
            let report = of_text(text).unwrap_err();
            let cause = report.cause.unwrap();
            assert!(cause.starts_with("it is not JSON: ") && cause.ends_with(place), "{cause}");
            assert!(report.hint.is_some_and(|hint| hint.contains("mend that place")));
        }
    }
}

//! The configuration file of a host: which of its servers are reached by this program, and how.

use std::path::Path;

use serde_json::Map;
use serde_json::Value;

use crate::cli::environment::Environment;
use crate::cli::files;
use crate::limits;
use crate::report::Report;

/// A server in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Configured {
    /// What the host calls it.
    pub(super) name: String,
    /// How it is started.
    pub(super) start: Start,
}

/// How a host starts a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// By this program.
    Ours {
        /// What follows its name.
        args: Vec<String>,
        /// Variables that are set for it.
        variables: Vec<(String, String)>,
    },
    /// By another program, or in another way.
    Other(String),
}

/// Where hosts keep their servers: Claude, Cursor and most others; VS Code; its settings; Zed.
const PLACES: [&str; 4] = ["/mcpServers", "/servers", "/mcp/servers", "/context_servers"];

/// The servers of a file, in the order of their names. Comments and commas too many are let be, as editors do.
///
/// # Errors
/// It cannot be read, or it has no servers.
pub(super) fn read(path: &Path, env: &Environment) -> Result<Vec<Configured>, Report> {
    let failed = |cause: String| {
        Report::new(format!("no servers to probe in `{}`", path.display())).cause(cause)
    };
    let text = files::read("--all", path, limits::HOST_FILE_BYTES)?;
    // Some editors of Windows begin a file with a byte order mark.
    let text = text.trim_start_matches('\u{feff}');
    let value = jsonc_parser::parse_to_serde_value::<Value>(text, &Default::default())
        .map_err(|error| failed(error.to_string()))?;
    let places = PLACES.into_iter().filter_map(|place| value.pointer(place)?.as_object());
    let servers: Vec<_> = places.flatten().collect();
    if servers.is_empty() {
        let cause = "there is none in `mcpServers`, `servers` or `context_servers`";
        return Err(failed(cause.to_owned())
            .hint("pass the file in which your IDE or agent keeps its MCP servers, in JSON"));
    }
    let one = |(name, entry): (&String, &Value)| Configured {
        name: name.clone(),
        start: start(entry, env),
    };
    Ok(servers.into_iter().map(one).collect())
}

fn start(entry: &Value, env: &Environment) -> Start {
    // Zed has an object with all of it.
    let nested = entry["command"].as_object();
    let (command, from) = match nested {
        Some(command) => (command.get("path").and_then(Value::as_str), command),
        None => (entry["command"].as_str(), object(entry)),
    };
    let Some(command) = command else {
        let url = entry["url"].as_str().map_or("no command", |_| "reached by the host itself");
        return Start::Other(url.to_owned());
    };
    let texts = |value: Option<&Value>| -> Vec<String> {
        let values = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        values.iter().filter_map(Value::as_str).map(|text| filled_in(text, env)).collect()
    };
    let words: Vec<String> =
        std::iter::once(filled_in(command, env)).chain(texts(from.get("args"))).collect();
    // By itself, or behind `uvx`, `npx` or `docker run`.
    let Some(at) = words.iter().position(|word| is_ours(word)) else {
        return Start::Other(command.to_owned());
    };
    let variables = from.get("env").and_then(Value::as_object).into_iter().flatten();
    let variables =
        variables.filter_map(|(name, value)| Some((name.clone(), filled_in(value.as_str()?, env))));
    Start::Ours { args: words[at + 1..].to_vec(), variables: variables.collect() }
}

fn object(value: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}

/// Whether a word is the path of this program, its package with or without a version, or its image.
fn is_ours(word: &str) -> bool {
    let last = word.rsplit(['/', '\\']).next().unwrap_or_default();
    let bare = last.split(['@', ':', '=']).next().unwrap_or_default();
    let bare = bare.strip_suffix(".exe").unwrap_or(bare);
    bare == env!("CARGO_PKG_NAME")
}

/// `${env:NAME}`, as VS Code and Cursor have it; an unset variable is nothing.
fn filled_in(text: &str, env: &Environment) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${env:") {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            filled.push_str("${env:");
            rest = after;
            continue;
        };
        filled.push_str(&env.var(name).unwrap_or_default().to_string_lossy());
        rest = behind;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Configured;
    use super::Start;
    use super::filled_in;
    use super::is_ours;
    use super::read;
    use crate::cli::environment::Environment;

    fn servers(text: &str) -> Vec<Configured> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path(), &[("KEY", "k.pem")].into_iter().collect()).unwrap()
    }

    fn ours(args: &[&str], variables: &[(&str, &str)]) -> Start {
        let own = |text: &&str| (*text).to_owned();
        let variables = variables.iter().map(|(name, value)| (own(name), own(value)));
        Start::Ours { args: args.iter().map(own).collect(), variables: variables.collect() }
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
        ] {
            let found = servers(&text.replace("ENTRY", entry));
            let start = ours(&["https://a/"], &[("A", "b")]);
            assert_eq!(found, [Configured { name: "x".to_owned(), start }], "{text}");
        }
    }

    #[test]
    fn this_program_is_known_in_each_of_its_forms_and_others_are_named() {
        for word in [
            "mcp-secure-remote",
            "/opt/bin/mcp-secure-remote",
            r"C:\tools\mcp-secure-remote.exe",
            "mcp-secure-remote@0.1.0",
            "mcp-secure-remote==0.1.0",
            "images.example/somebody/mcp-secure-remote:latest",
        ] {
            assert!(is_ours(word), "{word}");
        }
        assert!(!is_ours("mcp-secure-remote-client") && !is_ours("npx"));
        let text = r#"{"mcpServers": {
            "a": {"command": "uvx", "args": ["mcp-secure-remote", "https://a/", "--tls-key", "${env:KEY}"]},
            "b": {"command": "npx", "args": ["-y", "server"]},
            "c": {"url": "https://c/"}
        }}"#;
        let found: Vec<Start> = servers(text).into_iter().map(|it| it.start).collect();
        let expected = [
            ours(&["https://a/", "--tls-key", "k.pem"], &[]),
            Start::Other("npx".to_owned()),
            Start::Other("reached by the host itself".to_owned()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn variables_are_filled_in_and_an_unset_one_is_nothing() {
        let env: Environment = [("A", "1")].into_iter().collect();
        for (text, expected) in
            [("x${env:A}y${env:B}z", "x1yz"), ("${env:A", "${env:A"), ("${A}", "${A}")]
        {
            assert_eq!(filled_in(text, &env), expected);
        }
    }

    #[test]
    fn a_file_without_servers_is_refused() {
        for text in ["{}", "[", r#"{"mcpServers": []}"#] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let report = read(file.path(), &Environment::default()).unwrap_err();
            assert!(report.error.contains("no servers to probe"), "{report}");
        }
    }
}

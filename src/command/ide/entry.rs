//! How a host is to start the bridge: a command, its arguments, its variables.

use std::fmt;

use serde_json::Value;

use crate::command::ide::container;
use crate::command::ide::ours;
use crate::secret::Secret;

/// What the user asked for, free of how it is started.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Arguments of the bridge in their order: the server's URL, then the flags.
    pub words: Vec<Word>,
    /// Variables that are set for it: name, value.
    pub env: Vec<(String, Secret)>,
    /// Variables that it reads and the host itself has to have.
    pub inherited: Vec<String>,
}

/// One argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// As it is.
    Text(String),
    /// The path of a file, absolute.
    File(String),
}

impl Word {
    /// The word as it is passed on the machine that it was typed for.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::File(text) => text,
        }
    }
}

/// By what the host starts the bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// The program at this path.
    Binary(String),
    /// `uvx`, which gets it from a wheel.
    Uvx,
    /// `npx`, which gets it from a package.
    Npx,
    /// A container of this image; its user, where files can be read by theirs alone.
    Docker {
        /// Name of the image, and its tag.
        image: String,
        /// `--user` of the container, as `UID:GID`.
        user: Option<String>,
    },
}

/// The system that the host runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Os {
    /// Linux.
    Linux,
    /// macOS.
    Macos,
    /// Windows.
    Windows,
}

impl Os {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Linux, Self::Macos, Self::Windows];

    /// This machine's.
    pub const fn here() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Macos
        } else {
            Self::Linux
        }
    }

    /// Its word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Macos => "macos",
            Self::Windows => "windows",
        }
    }

    /// Whether a path begins at the root there.
    pub fn is_absolute(self, path: &str) -> bool {
        match self {
            Self::Linux | Self::Macos => path.starts_with('/'),
            Self::Windows => {
                let drive = path.as_bytes();
                path.starts_with("\\\\")
                    || matches!(drive, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
            }
        }
    }

    /// The folder of a file, and its name.
    pub(super) fn split(self, path: &str) -> (&str, &str) {
        let at = match self {
            Self::Windows => path.rfind(['\\', '/']),
            Self::Linux | Self::Macos => path.rfind('/'),
        };
        match at {
            // The root itself, with or without a drive.
            Some(at) if at == 0 || path[..at].ends_with(':') => (&path[..=at], &path[at + 1..]),
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (".", path),
        }
    }
}

/// What a host is told: the members that all of them have.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its variables, in the order of their names.
    pub env: Vec<(String, String)>,
    /// Variables of the host that it gets besides, where the host asks which.
    pub inherited: Vec<String>,
}

/// The values of variables may be secrets.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        let Self { command, args, .. } = self;
        f.debug_struct("Entry")
            .field("command", command)
            .field("args", args)
            .field("env", &names)
            .finish()
    }
}

impl Entry {
    /// The entry for a host on `os`.
    pub fn new(spec: &Spec, via: &Via, os: Os) -> Self {
        let env = spec.env.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
        let mut env: Vec<_> = env.collect();
        // As they are read back, so that what was put into a file is known again.
        env.sort();
        let inherited = spec.inherited.clone();
        let package = format!("{}@{}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let (command, first) = match via {
            Via::Binary(path) => (path.clone(), Vec::new()),
            Via::Uvx => ("uvx".to_owned(), vec![package]),
            // There `npx` is a script, which only the shell can start.
            Via::Npx if os == Os::Windows => {
                let words = ["/c", "npx", "-y"].map(str::to_owned);
                ("cmd".to_owned(), words.into_iter().chain([package]).collect())
            }
            Via::Npx => ("npx".to_owned(), vec!["-y".to_owned(), package]),
            Via::Docker { image, user } => {
                let args = container::args(spec, image, user.as_deref(), os);
                return Self { command: "docker".to_owned(), args, env, inherited };
            }
        };
        let own = spec.words.iter().map(|word| word.text().to_owned());
        Self { command, args: first.into_iter().chain(own).collect(), env, inherited }
    }

    /// What stands in the configuration of a host; `None` if no command is in it.
    pub fn read(value: &Value) -> Option<Self> {
        let Held { command, rest: from, .. } = held(value);
        let texts = |name: &str| {
            let list = from[name].as_array().into_iter().flatten();
            list.map(|it| it.as_str().unwrap_or_default().to_owned()).collect()
        };
        let (args, inherited) = (texts("args"), texts("env_vars"));
        let env = from["env"].as_object().into_iter().flatten();
        // Some write numbers.
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut env: Vec<_> = env.map(|(name, value)| (name.clone(), plain(value))).collect();
        env.sort();
        Some(Self { command: command?.to_owned(), args, env, inherited })
    }

    /// Whether what stands in the configuration of a host starts this program.
    pub fn is_in(value: &Value) -> bool {
        Self::read(value).is_some_and(|entry| entry.is_ours())
    }

    /// Whether it starts this program.
    pub fn is_ours(&self) -> bool {
        let words = std::iter::once(&self.command).chain(&self.args).map(String::as_str);
        ours::position(&words.collect::<Vec<_>>(), str::to_owned).is_some()
    }
}

/// Where things stand in what a host keeps on a server.
pub struct Held<'a> {
    /// What all of it stands in, but for whether it is disabled.
    pub inner: &'a Value,
    /// The program, if a command starts it.
    pub command: Option<&'a str>,
    /// What its arguments and variables stand in.
    pub rest: &'a Value,
}

/// Finds the parts of a server, in whichever form its host has written it.
pub fn held(server: &Value) -> Held<'_> {
    // Cline has an object with all of it, when it writes an entry anew.
    let inner = Some(&server["transport"]).filter(|it| it.is_object()).unwrap_or(server);
    // Older versions of Zed have another.
    match &inner["command"] {
        nested @ Value::Object(_) => Held { inner, command: nested["path"].as_str(), rest: nested },
        command => Held { inner, command: command.as_str(), rest: inner },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Entry;
    use super::Os;
    use super::Spec;
    use super::Via;
    use super::Word;
    use crate::secret::Secret;

    fn spec(paths: &[&str]) -> Spec {
        let text = |text: &str| Word::Text(text.to_owned());
        let mut words = vec![text("https://a.example/mcp")];
        for path in paths {
            words.extend([text("--tls-crl"), Word::File((*path).to_owned())]);
        }
        let env = vec![("SECRET".to_owned(), Secret::new("marker".to_owned()))];
        Spec { words, env, inherited: vec!["TOKEN".to_owned()] }
    }

    fn args(via: &Via, os: Os, paths: &[&str]) -> (String, String) {
        let entry = Entry::new(&spec(paths), via, os);
        assert_eq!(entry.env, [("SECRET".to_owned(), "marker".to_owned())]);
        assert!(entry.is_ours() && !entry.args.join(" ").contains("marker"), "{entry:?}");
        (entry.command, entry.args.join(" "))
    }

    fn docker() -> Via {
        let user = Some("7:8".to_owned());
        Via::Docker { image: "registry.example/mcp-secure-remote:1".to_owned(), user }
    }

    #[test]
    fn each_launcher_gets_the_words_of_the_bridge_behind_its_own() {
        let version = env!("CARGO_PKG_VERSION");
        let binary = Via::Binary("/opt/mcp-secure-remote".to_owned());
        let own = "https://a.example/mcp --tls-crl /c/x.crl";
        for (via, os, command, first) in [
            (binary, Os::Linux, "/opt/mcp-secure-remote", String::new()),
            (Via::Uvx, Os::Windows, "uvx", format!("mcp-secure-remote@{version} ")),
            (Via::Npx, Os::Macos, "npx", format!("-y mcp-secure-remote@{version} ")),
            (Via::Npx, Os::Windows, "cmd", format!("/c npx -y mcp-secure-remote@{version} ")),
        ] {
            let expected = (command.to_owned(), format!("{first}{own}"));
            assert_eq!(args(&via, os, &["/c/x.crl"]), expected);
        }
    }

    #[test]
    fn a_container_sees_each_folder_once_and_variables_by_name() {
        let (_, line) = args(&docker(), Os::Linux, &["/a/x", "/b c/y", "/a/z", "/w"]);
        assert_eq!(
            line,
            "run -i --rm -v /a:/certs:ro -v /b c:/certs2:ro -v /:/certs3:ro --user 7:8 -e SECRET -e TOKEN \
             registry.example/mcp-secure-remote:1 https://a.example/mcp --tls-crl /certs/x --tls-crl \
             /certs2/y --tls-crl /certs/z --tls-crl /certs3/w"
        );
        let (_, line) = args(&docker(), Os::Windows, &[r"C:\my certs\x.pem", r"D:\y"]);
        assert!(line.contains(r"-v C:\my certs:/certs:ro -v D:\:/certs2:ro "), "{line}");
        assert!(line.ends_with("--tls-crl /certs/x.pem --tls-crl /certs2/y"), "{line}");
        // What Docker would take for the end of the folder.
        let (_, line) = args(&docker(), Os::Linux, &["/a:b/x"]);
        let mount = "run -i --rm --mount type=bind,source=/a:b,target=/certs,readonly --user 7:8 ";
        assert!(line.starts_with(mount), "{line}");
        let (_, line) = args(&docker(), Os::Linux, &[]);
        assert!(!line.contains("-v ") && !line.contains("--user"), "{line}");
    }

    #[test]
    fn a_path_is_absolute_as_its_system_has_it() {
        for path in ["C:\\x", "d:/x", r"\\server\share\x"] {
            assert!(Os::Windows.is_absolute(path) && !Os::Linux.is_absolute(path), "{path}");
        }
        assert!(Os::Macos.is_absolute("/x") && !Os::Windows.is_absolute("/x"));
        assert!(!Os::Windows.is_absolute("C:x") && !Os::Linux.is_absolute("x"));
    }

    #[test]
    fn an_entry_is_read_back_and_known_as_ours_or_not() {
        let value = json!({"type": "stdio", "command": "uvx", "args": ["mcp-secure-remote@1", "https://a/"],
            "env": {"A": "b"}});
        let entry = Entry::read(&value).unwrap();
        assert!(entry.is_ours());
        assert_eq!((entry.args.len(), &*entry.env[0].1), (2, "b"));
        assert!(!Entry::read(&json!({"command": "npx", "args": ["other"]})).unwrap().is_ours());
        for ours in [
            json!({"command": {"path": "mcp-secure-remote", "args": ["https://a/"]}}),
            json!({"command": "mcp-secure-remote", "args": [1], "env": {"N": 5}}),
            json!({"transport": {"type": "stdio", "command": "mcp-secure-remote"}, "disabled": false}),
        ] {
            assert!(Entry::read(&ours).unwrap().is_ours(), "{ours}");
        }
        for foreign in [json!({"url": "https://a/"}), json!(7), json!({"command": ["x"]})] {
            assert_eq!(Entry::read(&foreign), None);
        }
    }
}

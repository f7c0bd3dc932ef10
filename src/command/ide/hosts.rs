//! The hosts that are known: where each keeps its servers, and in which form. `docs/ide.md` says where
//! this was looked up, and when.

use std::path::PathBuf;

use crate::command::ide::entry::Os;

/// One host.
#[derive(Debug)]
pub struct Host {
    /// Its word on the command line.
    pub id: &'static str,
    /// Its name.
    pub title: &'static str,
    /// How its file is written.
    pub format: Format,
    /// The member of the file that holds the servers by name.
    pub key: &'static str,
    /// The members of an entry besides `command`, `args` and `env`.
    pub marks: &'static [(&'static str, &'static str)],
    /// The file of a user, for Linux, macOS and Windows; `None` if there is none known.
    pub user: Option<[Place; 3]>,
    /// The file of a project, from its folder.
    pub project: Option<&'static str>,
    /// What it fills in where it finds it in the value of a variable.
    pub fills: Fills,
    /// Whether the bridge gets all variables that the host has, or those that the entry asks for.
    pub passes_variables: bool,
    /// Whether what is in a project waits until its user trusts that.
    pub asks_for_trust: bool,
    /// What its users should know.
    pub note: Option<&'static str>,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON; comments and commas too many are let be where they are.
    Json,
    /// TOML.
    Toml,
}

/// What a host takes for the name of something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fills {
    /// What stands in `${...}`, in one form or another.
    Braces,
    /// A name behind a bare `$` too, and on Windows one between two `%`.
    Names,
}

impl Fills {
    /// Whether such a host might pass on something else than this value.
    pub fn changes(self, value: &str, os: Os) -> bool {
        match self {
            Self::Braces => value.contains("${"),
            Self::Names => value.contains('$') || os == Os::Windows && value.contains('%'),
        }
    }

    /// Whether such a host finds a name in this argument that nobody has put into braces.
    pub fn finds(self, word: &str, os: Os) -> bool {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let bare = word.split('$').skip(1).any(|rest| rest.starts_with(is_name));
        let parts: Vec<&str> = word.split('%').collect();
        let between = parts.len() > 2 && parts[1..parts.len() - 1].iter().any(|it| !it.is_empty());
        self == Self::Names && (bare || os == Os::Windows && between)
    }
}

/// A file: the folder where it begins, and the rest of the path. `NAME` is that of the server.
pub type Place = (Base, &'static str);

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The folder of Claude Code, if it was moved, else the user's.
    Claude,
    /// The folder of Codex, if it was moved, else `.codex` of the user's.
    Codex,
    /// Where programs of the user keep their configuration.
    Config,
    /// The folder of the user.
    Home,
}

/// Those folders on a machine, as texts: those of another one are shown by the names of variables.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The system.
    pub os: Os,
    /// The folder of the user.
    pub home: String,
    /// Where programs of the user keep their configuration.
    pub config: String,
    /// Another folder of Claude Code.
    pub claude: Option<String>,
    /// Another folder of Codex.
    pub codex: Option<String>,
    /// The folder of the project.
    pub project: String,
}

impl Folders {
    fn of(&self, base: Base) -> String {
        match base {
            Base::Claude => self.claude.clone().unwrap_or_else(|| self.home.clone()),
            Base::Codex => self.codex.clone().unwrap_or_else(|| self.join(&self.home, ".codex")),
            Base::Config => self.config.clone(),
            Base::Home => self.home.clone(),
        }
    }

    fn join(&self, folder: &str, rest: &str) -> String {
        let separator = if self.os == Os::Windows { "\\" } else { "/" };
        let folder = folder.strip_suffix(separator).unwrap_or(folder);
        format!("{folder}{separator}{}", rest.replace('/', separator))
    }
}

/// Whose configuration it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The user's.
    User,
    /// A project's.
    Project,
}

/// A file of a host on this or another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub path: String,
    /// Folders below this one go when they were made for the file and are empty again.
    pub root: String,
}

/// The type that some hosts ask for.
const STDIO: &[(&str, &str)] = &[("type", "stdio")];

/// The same path below the same folder on each system.
const fn everywhere(base: Base, rest: &'static str) -> Option<[Place; 3]> {
    Some([(base, rest); 3])
}

/// What most hosts have in common.
const COMMON: Host = Host {
    id: "generic",
    title: "Any other host",
    format: Format::Json,
    key: "mcpServers",
    marks: &[],
    user: None,
    project: None,
    fills: Fills::Braces,
    passes_variables: true,
    asks_for_trust: false,
    note: None,
};

/// All of them, in the order in which they are listed.
pub static HOSTS: [Host; 13] = [
    Host {
        id: "claude-desktop",
        title: "Claude Desktop",
        user: everywhere(Base::Config, "Claude/claude_desktop_config.json"),
        passes_variables: false,
        note: Some("quit and start Claude Desktop again: it reads the file at its start alone"),
        ..COMMON
    },
    Host {
        id: "claude-code",
        title: "Claude Code",
        marks: STDIO,
        user: everywhere(Base::Claude, ".claude.json"),
        project: Some(".mcp.json"),
        asks_for_trust: true,
        note: Some("a session that runs goes on without it; start a new one"),
        ..COMMON
    },
    Host {
        id: "cursor",
        title: "Cursor",
        marks: STDIO,
        user: everywhere(Base::Home, ".cursor/mcp.json"),
        project: Some(".cursor/mcp.json"),
        ..COMMON
    },
    Host {
        id: "windsurf",
        title: "Windsurf",
        user: everywhere(Base::Home, ".codeium/windsurf/mcp_config.json"),
        note: Some("press Refresh in the MCP settings of Windsurf"),
        ..COMMON
    },
    Host {
        id: "cline",
        title: "Cline in VS Code",
        user: everywhere(
            Base::Config,
            "Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
        ),
        passes_variables: false,
        note: Some(
            "if Cline says in its settings, under About, that it is `Next`, it reads the file of `cline-cli`",
        ),
        ..COMMON
    },
    Host {
        id: "cline-cli",
        title: "Cline in a terminal",
        user: everywhere(Base::Home, ".cline/data/settings/cline_mcp_settings.json"),
        ..COMMON
    },
    Host {
        id: "continue",
        title: "Continue",
        user: everywhere(Base::Home, ".continue/mcpServers/NAME.json"),
        project: Some(".continue/mcpServers/NAME.json"),
        note: Some("Continue uses MCP servers in its agent mode alone"),
        ..COMMON
    },
    Host {
        id: "zed",
        title: "Zed",
        key: "context_servers",
        marks: &[("source", "custom")],
        user: Some([
            (Base::Config, "zed/settings.json"),
            (Base::Home, ".config/zed/settings.json"),
            (Base::Config, "Zed/settings.json"),
        ]),
        project: Some(".zed/settings.json"),
        asks_for_trust: true,
        ..COMMON
    },
    Host {
        id: "vscode",
        title: "VS Code",
        key: "servers",
        marks: STDIO,
        user: everywhere(Base::Config, "Code/User/mcp.json"),
        project: Some(".vscode/mcp.json"),
        note: Some("press Start above the entry, or trust it when VS Code asks"),
        ..COMMON
    },
    Host {
        id: "jetbrains",
        title: "JetBrains (Junie)",
        user: everywhere(Base::Home, ".junie/mcp/mcp.json"),
        project: Some(".junie/mcp/mcp.json"),
        note: Some(
            "this file is Junie's; JetBrains' Assistant has its own list in the settings, under Tools, Model Context \
             Protocol (MCP): paste what `ide show jetbrains` prints there",
        ),
        ..COMMON
    },
    Host {
        id: "gemini",
        title: "Gemini CLI",
        user: everywhere(Base::Home, ".gemini/settings.json"),
        project: Some(".gemini/settings.json"),
        fills: Fills::Names,
        note: Some("Gemini CLI starts servers in folders alone that you trust"),
        ..COMMON
    },
    Host {
        id: "codex",
        title: "Codex",
        format: Format::Toml,
        key: "mcp_servers",
        user: everywhere(Base::Codex, "config.toml"),
        project: Some(".codex/config.toml"),
        asks_for_trust: true,
        ..COMMON
    },
    COMMON,
];

impl Host {
    /// The host of this word.
    pub fn find(id: &str) -> Option<&'static Self> {
        HOSTS.iter().find(|host| host.id == id)
    }

    /// Whether it has a file for each server.
    pub fn has_file_each(&self) -> bool {
        self.user.is_some_and(|places| places.iter().any(|(_, rest)| rest.contains("NAME")))
    }

    /// Its file for the server `name`.
    pub fn file(&self, scope: Scope, folders: &Folders, name: &str) -> Option<Location> {
        let (folder, root, rest) = match scope {
            Scope::Project => (folders.project.clone(), folders.project.clone(), self.project?),
            Scope::User => {
                let [linux, macos, windows] = self.user?;
                let (base, rest) = match folders.os {
                    Os::Linux => linux,
                    Os::Macos => macos,
                    Os::Windows => windows,
                };
                let folder = folders.of(base);
                let is_at_home = PathBuf::from(&folder).starts_with(&folders.home);
                let root = if is_at_home { folders.home.clone() } else { folder.clone() };
                (folder, root, rest)
            }
        };
        Some(Location { path: folders.join(&folder, &rest.replace("NAME", name)), root })
    }
}

#[cfg(test)]
mod tests {
    use super::Fills;
    use super::Folders;
    use super::HOSTS;
    use super::Host;
    use super::Scope;
    use crate::command::ide::entry::Os;

    fn folders(os: Os, home: &str, config: &str) -> Folders {
        let (home, config) = (home.to_owned(), config.to_owned());
        Folders { os, home, config, claude: None, codex: None, project: "P".to_owned() }
    }

    fn file(id: &str, folders: &Folders) -> String {
        Host::find(id).unwrap().file(Scope::User, folders, "x").unwrap().path
    }

    #[test]
    fn each_host_has_its_file_on_each_system() {
        let linux = folders(Os::Linux, "~", "~/.config");
        let macos = folders(Os::Macos, "~", "~/Library/Application Support");
        let windows = folders(Os::Windows, "%USERPROFILE%", "%APPDATA%");
        for (id, [first, second, third]) in [
            (
                "claude-desktop",
                [
                    "~/.config/Claude/claude_desktop_config.json",
                    "~/Library/Application Support/Claude/claude_desktop_config.json",
                    r"%APPDATA%\Claude\claude_desktop_config.json",
                ],
            ),
            ("claude-code", ["~/.claude.json", "~/.claude.json", r"%USERPROFILE%\.claude.json"]),
            (
                "zed",
                [
                    "~/.config/zed/settings.json",
                    "~/.config/zed/settings.json",
                    r"%APPDATA%\Zed\settings.json",
                ],
            ),
            (
                "vscode",
                [
                    "~/.config/Code/User/mcp.json",
                    "~/Library/Application Support/Code/User/mcp.json",
                    r"%APPDATA%\Code\User\mcp.json",
                ],
            ),
            (
                "codex",
                [
                    "~/.codex/config.toml",
                    "~/.codex/config.toml",
                    r"%USERPROFILE%\.codex\config.toml",
                ],
            ),
            (
                "continue",
                [
                    "~/.continue/mcpServers/x.json",
                    "~/.continue/mcpServers/x.json",
                    r"%USERPROFILE%\.continue\mcpServers\x.json",
                ],
            ),
        ] {
            let found = [&linux, &macos, &windows].map(|folders| file(id, folders));
            assert_eq!(found, [first, second, third], "{id}");
        }
    }

    #[test]
    fn a_value_is_safe_where_its_host_finds_no_name_in_it() {
        for (value, [braces, names, names_on_windows]) in [
            ("plain", [false, false, false]),
            ("a$b", [false, true, true]),
            ("a${b}", [true, true, true]),
            ("50%", [false, false, true]),
        ] {
            assert_eq!(Fills::Braces.changes(value, Os::Windows), braces, "{value}");
            assert_eq!(Fills::Names.changes(value, Os::Linux), names, "{value}");
            assert_eq!(Fills::Names.changes(value, Os::Windows), names_on_windows, "{value}");
        }
    }

    #[test]
    fn a_name_is_found_behind_a_dollar_and_on_windows_between_two_percent_signs() {
        for (word, [found, on_windows]) in [
            ("https://a/$NAME/x", [true, true]),
            ("A: ${NAME} $", [false, false]),
            ("https://a/%41%42", [false, true]),
            ("100%", [false, false]),
        ] {
            assert_eq!(Fills::Names.finds(word, Os::Linux), found, "{word}");
            assert_eq!(Fills::Names.finds(word, Os::Windows), on_windows, "{word}");
            assert!(!Fills::Braces.finds(word, Os::Windows), "{word}");
        }
    }

    #[test]
    fn folders_that_were_moved_count() {
        let mut moved = folders(Os::Linux, "/h", "/xdg/");
        moved.claude = Some("/c".to_owned());
        moved.codex = Some("/d".to_owned());
        assert_eq!(file("claude-code", &moved), "/c/.claude.json");
        assert_eq!(file("codex", &moved), "/d/config.toml");
        assert_eq!(file("vscode", &moved), "/xdg/Code/User/mcp.json");
    }

    #[test]
    fn every_host_has_a_word_of_its_own_and_a_file_but_the_last() {
        for (at, host) in HOSTS.iter().enumerate() {
            assert!(HOSTS[..at].iter().all(|other| other.id != host.id));
            assert_eq!(host.user.is_none(), host.id == "generic", "{}", host.id);
            assert_eq!(Host::find(host.id).unwrap().title, host.title);
        }
        assert!(Host::find("emacs").is_none());
    }
}

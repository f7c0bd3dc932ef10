//! What `completions` prints is understood by the shells themselves, and they offer what fits.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::faces::program;
use crate::tools::found;

/// Lines that one thing alone fits behind, and the lines with it. `certs dir` is a folder.
const LINES: [(&str, &str); 21] = [
    // commands, and their flags
    ("mcp-secure-remote comp", "mcp-secure-remote completions "),
    ("mcp-secure-remote ide inst", "mcp-secure-remote ide install "),
    ("mcp-secure-remote serve --li", "mcp-secure-remote serve --listen "),
    ("mcp-secure-remote ide install --na", "mcp-secure-remote ide install --name "),
    ("mcp-secure-remote certs --out", "mcp-secure-remote certs --output "),
    (
        "mcp-secure-remote certs add-client --pfx-p",
        "mcp-secure-remote certs add-client --pfx-passphrase-file ",
    ),
    // flags behind the URL
    ("mcp-secure-remote https://x --tls-pf", "mcp-secure-remote https://x --tls-pfx "),
    (
        "mcp-secure-remote probe https://x --warn",
        "mcp-secure-remote probe https://x --warn-expiry ",
    ),
    (
        "mcp-secure-remote-client https://x --warn",
        "mcp-secure-remote-client https://x --warn-expiry ",
    ),
    // values
    (
        "mcp-secure-remote https://x --transport http-o",
        "mcp-secure-remote https://x --transport http-only ",
    ),
    (
        "mcp-secure-remote https://x --transport=http-o",
        "mcp-secure-remote https://x --transport=http-only ",
    ),
    (
        "mcp-secure-remote https://x --tls-min-version TLSv1.3",
        "mcp-secure-remote https://x --tls-min-version TLSv1.3 ",
    ),
    ("mcp-secure-remote serve --log-format js", "mcp-secure-remote serve --log-format json "),
    ("mcp-secure-remote ide show --os win", "mcp-secure-remote ide show --os windows "),
    ("mcp-secure-remote ide install cur", "mcp-secure-remote ide install cursor "),
    (
        "mcp-secure-remote ide install cursor --via do",
        "mcp-secure-remote ide install cursor --via docker ",
    ),
    ("mcp-secure-remote completions z", "mcp-secure-remote completions zsh "),
    // files and folders, with spaces
    (
        "mcp-secure-remote https://x --tls-cert cl",
        r"mcp-secure-remote https://x --tls-cert client\ 1.pem ",
    ),
    (
        "mcp-secure-remote https://x --tls-cert=client\\ ",
        r"mcp-secure-remote https://x --tls-cert=client\ 1.pem ",
    ),
    ("mcp-secure-remote certs --output c", r"mcp-secure-remote certs --output certs\ dir/"),
    ("mcp-secure-remote serve -- cl", r"mcp-secure-remote serve -- client\ 1.pem "),
];

/// Nothing but this fits.
const LISTS: [(&str, &[&str]); 6] = [
    (
        "mcp-secure-remote https://x --tls-c",
        &["--tls-cert", "--tls-ca", "--tls-ca-only", "--tls-crl"],
    ),
    (
        "mcp-secure-remote https://x --transport ",
        &["http-first", "http-only", "sse-first", "sse-only"],
    ),
    ("mcp-secure-remote ide install cursor --via ", &["binary", "uvx", "npx", "docker"]),
    ("mcp-secure-remote https://x --tls-key ", &["certs dir/", "client 1.pem"]),
    ("mcp-secure-remote certs --output ./", &["./certs dir/"]),
    // Values are written behind `=` there.
    ("mcp-secure-remote https://x --debug --tls-ca-only tr", &[]),
];

#[test]
fn bash_completes_what_is_typed() {
    let Some(bash) = found("bash", "bash").filter(|bash| shows_its_line(bash)) else { return };
    let home = Home::new("bash");
    let mut keys = "PS1=; source .scripts/main; source .scripts/client\n".to_owned();
    keys += r#"bind -x '"\C-t": printf "=>%s<=\n" "$READLINE_LINE"; READLINE_LINE='"#;
    keys += "\n";
    let quoted =
        [r#"mcp-secure-remote --tls-cert "cl"#, r#"mcp-secure-remote --tls-cert "client 1.pem""#];
    for typed in LINES.map(|(typed, _)| typed).into_iter().chain([quoted[0]]) {
        keys += &format!("{typed}\t\u{14}");
    }
    home.write(".keys", &(keys + "\nexit\n"));
    let mut bash = home.command(&bash);
    let keys = fs::File::open(home.path(".keys")).expect("the keys");
    let output = bash.args(["--norc", "-i"]).stdin(keys).output().expect("bash runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let lines = said.split("=>").skip(1).filter_map(|it| it.split("<=").next());
    let wholes = LINES.map(|(_, whole)| whole).into_iter().chain([quoted[1]]);
    assert_eq!(lines.collect::<Vec<_>>(), wholes.collect::<Vec<_>>(), "{said}");
}

#[test]
fn zsh_completes_what_is_typed_from_the_first_time_on() {
    let Some(zsh) = found("zsh", "zsh") else { return };
    let home = Home::new("zsh");
    fs::rename(home.path(".scripts/main"), home.path(".scripts/_mcp-secure-remote"))
        .expect("renamed");
    fs::rename(home.path(".scripts/client"), home.path(".scripts/_mcp-secure-remote-client"))
        .expect("renamed");
    // A terminal, as completion wants one. What is typed into it comes back, too.
    let ask = r#"
        zmodload zsh/zpty
        zpty terminal "$1" -f -i; shift
        zpty -w terminal 'PS1=; fpath=($PWD/.scripts $fpath); autoload -U compinit; compinit -u -D'
        zpty -w terminal 'show() { print -r -- "=""> $BUFFER <="; BUFFER= }; zle -N show'
        zpty -w terminal 'bindkey -e; bindkey "^I" complete-word; bindkey "^T" show'
        for line; do
            zpty -w -n terminal "$line"$'\t\x14'
            zpty -r -m terminal said '*=> *<=*'
            said=${said##*=> }; print -r -- "${said%% <=*}"
        done
        zpty -d terminal"#;
    let mut command = home.command(&zsh);
    command.args(["-f", "-c", ask, "zsh"]).arg(&zsh).args(LINES.map(|(typed, _)| typed));
    let output = command.output().expect("zsh runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.lines().collect::<Vec<_>>(), LINES.map(|(_, whole)| whole));
}

#[test]
fn fish_completes_what_is_typed() {
    let Some(fish) = found("fish", "fish") else { return };
    let home = Home::new("fish");
    let ask = r#"
        source .scripts/main; source .scripts/client
        for line in $argv; complete -C $line; echo =; end"#;
    let mut command = home.command(&fish);
    // Without `--`, fish would take the lines for flags of its own.
    command.args(["--no-config", "-c", ask, "--"]).args(LINES.map(|(typed, _)| typed));
    let output = command.output().expect("fish runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let offers: Vec<_> = said.split("=\n").map(|it| it.split(['\t', '\n']).next()).collect();
    for ((typed, whole), offer) in LINES.iter().zip(offers) {
        // fish shows the word alone, quotes it when it is taken, and adds the space then.
        let offer = offer.unwrap_or_default().replace(' ', r"\ ");
        let whole = whole.trim_end();
        assert!(!offer.is_empty() && whole.ends_with(&offer), "{typed}: {offer:?}\n{said}");
    }
}

#[test]
fn all_that_fits_is_offered_and_nothing_else() {
    let Some(fish) = found("fish", "fish") else { return };
    let home = Home::new("fish");
    for (typed, list) in LISTS {
        let mut command = home.command(&fish);
        command.args([
            "--no-config",
            "-c",
            "source .scripts/main; complete -C $argv[1]",
            "--",
            typed,
        ]);
        let output = command.output().expect("fish runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let offers = said.lines().filter_map(|line| line.split('\t').next());
        assert_eq!(offers.collect::<Vec<_>>(), list, "{typed}");
    }
}

#[test]
fn the_commands_are_offered_first_and_not_what_nobody_types() {
    for (line, is_offered) in [
        (&["mcp-secure-remote", ""][..], true),
        (&["mcp-secure-remote", "https://x", "--debug", ""], false),
    ] {
        let offers = asked("fish", line);
        for command in ["certs", "completions", "demo", "ide", "man", "probe", "serve"] {
            assert_eq!(
                offers.lines().any(|it| it.starts_with(&format!("{command}\t"))),
                is_offered,
                "{command}: {offers}"
            );
        }
        assert!(offers.contains("--tls-cert\t") && !offers.contains("watch"), "{offers}");
    }
}

#[test]
fn each_value_that_is_offered_is_taken() {
    for (line, flag) in [
        (&["https://127.0.0.1:1"][..], "--transport"),
        (&["https://127.0.0.1:1"], "--tls-min-version"),
        (&["https://127.0.0.1:1"], "--log-format"),
        (&["ide", "show", "generic", "--name", "x", "https://x"], "--via"),
        (&["ide", "show", "generic", "--name", "x", "https://x"], "--os"),
        (&["ide", "remove", "--name", "x", "--file", "/nonexistent/x"], ""),
        (&["completions"], ""),
    ] {
        let flag: &[&str] = if flag.is_empty() { &[] } else { &[flag] };
        let offers = asked("elvish", &[&["mcp-secure-remote"], line, flag, &[""]].concat());
        let offers: Vec<_> = offers.lines().filter(|offer| !offer.starts_with('-')).collect();
        assert!(offers.len() > 1, "{line:?} {flag:?}");
        for offer in offers {
            let output = program(&[line, flag, &[offer]].concat()).output().expect("starts");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_ne!(output.status.code(), Some(2), "{line:?} {flag:?} {offer}: {said}");
        }
    }
}

#[test]
fn a_script_names_the_program_and_no_folder_of_the_machine_that_made_it() {
    for shell in SHELLS {
        for (flags, name) in
            [(&[][..], "mcp-secure-remote"), (&["--client"], "mcp-secure-remote-client")]
        {
            let script = script(shell, flags);
            assert!(script.contains(name), "{script}");
            let asks = script.contains("MCP_SECURE_REMOTE_COMPLETE");
            assert_eq!(asks, shell != "powershell", "{script}");
            // It would run what stands in the line that is completed.
            assert!(!script.contains("Invoke-Expression"), "{script}");
            assert!(!script.contains(env!("CARGO_MANIFEST_DIR")), "{script}");
        }
    }
}

#[test]
fn each_shell_takes_its_script() {
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let Some(program) = found(shell, shell) else { continue };
        let home = Home::new(shell);
        for script in ["main", "client"] {
            let script = home.path(SCRIPTS).join(script);
            let output = Command::new(&program).arg(check).arg(&script).output().expect("runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{script:?}: {said}");
        }
    }
}

#[test]
fn an_unknown_shell_that_asks_is_told_so_and_an_empty_one_is_none() {
    let mut unknown = program(&["--", "mcp-secure-remote", ""]);
    let output = unknown.env("MCP_SECURE_REMOTE_COMPLETE", "nu").output().expect("starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Unknown shell: nu"));
    let mut none = program(&["--version"]);
    let output = none.env("MCP_SECURE_REMOTE_COMPLETE", "").output().expect("starts");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("mcp-secure-remote "));
}

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "powershell", "elvish"];

/// What a shell gets for a line, of which the last word is the one at the cursor.
fn asked(shell: &str, line: &[&str]) -> String {
    let mut ask = program(&[&["--"], line].concat());
    ask.env("MCP_SECURE_REMOTE_COMPLETE", shell);
    ask.env("_CLAP_COMPLETE_INDEX", (line.len() - 1).to_string()).env("_CLAP_IFS", "\n");
    let output = ask.output().expect("the program starts");
    assert!(output.status.success() && output.stderr.is_empty(), "{line:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Not offered unless one types the dot.
const SCRIPTS: &str = ".scripts";

/// A folder with something to complete, and with the scripts of a shell in a folder below.
struct Home(tempfile::TempDir);

impl Home {
    fn new(shell: &str) -> Self {
        let home = Self(tempfile::tempdir().expect("a folder"));
        for folder in ["certs dir", SCRIPTS] {
            fs::create_dir(home.path(folder)).expect("a folder");
        }
        home.write("client 1.pem", "");
        home.write(&format!("{SCRIPTS}/main"), &script(shell, &[]));
        home.write(&format!("{SCRIPTS}/client"), &script(shell, &["--client"]));
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    /// A shell in this folder that finds the programs.
    fn command(&self, shell: &Path) -> Command {
        let mut command = Command::new(shell);
        command.current_dir(self.0.path()).env("HOME", self.0.path()).env("PATH", path());
        command.env("TERM", "dumb").env_remove("ENV");
        command
    }
}

/// The bash of macOS does not.
fn shows_its_line(bash: &Path) -> bool {
    let version = Command::new(bash).args(["-c", "((BASH_VERSINFO[0] > 3))"]).status();
    version.expect("bash runs").success()
}

/// Where programs are found, ours first.
fn path() -> OsString {
    let ours = Path::new(env!("CARGO_BIN_EXE_mcp-secure-remote")).parent().map(PathBuf::from);
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths(ours.into_iter().chain(env::split_paths(&others))).expect("a path")
}

fn script(shell: &str, flags: &[&str]) -> String {
    let args = [&["completions", shell], flags].concat();
    let output = program(&args).output().expect("the program starts");
    assert!(output.status.success() && output.stderr.is_empty(), "{args:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

//! bash, which takes words apart at `=` and `:` and leaves it to us to quote.

use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::path::Path;

use clap::Command;
use clap_complete::engine;
use clap_complete::env::EnvCompleter;

/// The script knows nothing but how to ask. Any bash takes it, also 3.2, the one of macOS.
const SCRIPT: &str = r#"_FUNCTION() {
    local offer quote=${COMP_WORDS[COMP_CWORD]:0:1}
    COMPREPLY=()
    while IFS= read -r offer; do
        [[ $quote == [\"\'] ]] && offer=${offer//\\/} && offer=${offer% }
        COMPREPLY+=("$offer")
    done < <(VARIABLE=bash COMPLETER -- "${COMP_WORDS[@]:0:COMP_CWORD}" "$2" 2> /dev/null)
}
complete -o nospace -o bashdefault -o nosort -F _FUNCTION NAME 2> /dev/null ||
    complete -o nospace -o bashdefault -F _FUNCTION NAME
"#;

/// In place of that of clap, which loses names with spaces and `--flag=value`.
pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == self.name()
    }

    fn write_registration(
        &self,
        variable: &str,
        name: &str,
        program: &str,
        completer: &str,
        script: &mut dyn Write,
    ) -> io::Result<()> {
        let filled = SCRIPT
            .replace("FUNCTION", &name.replace('-', "_"))
            .replace("VARIABLE", variable)
            .replace("COMPLETER", completer)
            .replace("NAME", program);
        script.write_all(filled.as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        line: Vec<OsString>,
        folder: Option<&Path>,
        offers: &mut dyn Write,
    ) -> io::Result<()> {
        let line = without_equals(line);
        let last = line.len().saturating_sub(1);
        for offer in engine::complete(command, line, last, folder)? {
            let word = quoted(&offer.get_value().to_string_lossy());
            // Behind a folder one goes on typing.
            let end = if word.ends_with(['/', '=']) { "" } else { " " };
            writeln!(offers, "{word}{end}")?;
        }
        Ok(())
    }
}

/// `--flag`, `=`, `value` is `--flag`, `value`: bash wants to know no more than the last of them.
fn without_equals(line: Vec<OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::with_capacity(line.len());
    for word in line {
        let is_after_flag = words.last().is_some_and(|it| it.to_string_lossy().starts_with("--"));
        if word != "=" || !is_after_flag {
            words.push(word);
        }
    }
    words
}

/// What bash reads as this word. A tilde in front stays what it means.
fn quoted(word: &str) -> String {
    let is_special = |c: char| c.is_ascii_whitespace() || "\\\"'`$&|;<>()[]{}*?!#".contains(c);
    let escaped = word.chars().flat_map(|c| is_special(c).then_some('\\').into_iter().chain([c]));
    escaped.collect()
}

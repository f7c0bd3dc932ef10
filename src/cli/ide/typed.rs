//! The flags of the bridge, back into words: those that were typed, in one order, nothing lost. Paths
//! become absolute, and secrets go to the variables.

use std::path::Path;
use std::path::PathBuf;

use http::HeaderName;

use crate::cli::flags::BridgeFlags;
use crate::cli::flags::TlsFlags;
use crate::cli::header;
use crate::cli::ide::warning;
use crate::cli::resolve::Warning;
use crate::cli::usage::UsageError;
use crate::command::ide::entry::Os;
use crate::command::ide::entry::Spec;
use crate::command::ide::entry::Word;
use crate::secret::Secret;

const PASSPHRASE: &str = "MCP_REMOTE_TLS_PASSPHRASE";

/// How the variables begin that headers are put into.
const HEADER: &str = "MCP_REMOTE_HEADER_";

/// Where the entry is for.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The system.
    pub(super) os: Os,
    /// Where relative paths begin.
    pub(super) folder: &'a str,
}

/// What was typed, as the bridge gets it.
pub(super) fn spec(
    flags: BridgeFlags,
    place: Place<'_>,
) -> Result<(Spec, Vec<Warning>), UsageError> {
    // All by name: a flag that is new does not get lost.
    let BridgeFlags {
        words,
        header,
        header_file,
        transport,
        allow_http,
        connect_timeout,
        request_timeout,
        max_message_size,
        no_reinitialize,
        debug,
        silent,
        log_format,
        tls,
    } = flags;
    let TlsFlags {
        cert,
        key,
        pfx,
        passphrase,
        passphrase_file,
        ca,
        ca_only,
        crl,
        servername,
        min_version,
        skip_verify,
    } = tls;
    let mut made = Making::new(place);
    for word in words {
        made.push(word.to_string_lossy().trim().to_owned());
    }
    made.file("--tls-cert", cert)?;
    made.file("--tls-key", key)?;
    made.file("--tls-pfx", pfx)?;
    made.passphrase(passphrase);
    made.file("--tls-passphrase-file", passphrase_file)?;
    made.file("--tls-ca", ca)?;
    made.switch("--tls-ca-only", ca_only);
    for path in crl {
        made.file("--tls-crl", Some(path))?;
    }
    made.value("--tls-servername", servername);
    made.value("--tls-min-version", min_version);
    made.switch("--tls-insecure-skip-verify", skip_verify);
    made.headers(header);
    made.file("--header-file", header_file)?;
    made.value("--transport", transport);
    made.flag("--allow-http", allow_http);
    made.value("--connect-timeout", connect_timeout);
    made.value("--request-timeout", request_timeout);
    made.value("--max-message-size", max_message_size);
    made.flag("--no-reinitialize", no_reinitialize);
    made.flag("--debug", debug);
    made.flag("--silent", silent);
    made.value("--log-format", log_format);
    Ok((made.spec, made.warnings))
}

struct Making<'a> {
    place: Place<'a>,
    spec: Spec,
    warnings: Vec<Warning>,
}

impl<'a> Making<'a> {
    fn new(place: Place<'a>) -> Self {
        let spec = Spec { words: Vec::new(), env: Vec::new(), inherited: Vec::new() };
        Self { place, spec, warnings: Vec::new() }
    }

    fn push(&mut self, text: String) {
        self.spec.words.push(Word::Text(text));
    }

    fn flag(&mut self, flag: &str, is_set: bool) {
        if is_set {
            self.push(flag.to_owned());
        }
    }

    fn value(&mut self, flag: &str, value: Option<String>) {
        match value {
            None => {}
            // It would look like a flag.
            Some(value) if value.starts_with('-') => self.push(format!("{flag}={value}")),
            Some(value) => {
                self.push(flag.to_owned());
                self.push(value);
            }
        }
    }

    fn switch(&mut self, flag: &str, value: Option<String>) {
        match value.as_deref() {
            None => {}
            Some("true") => self.push(flag.to_owned()),
            Some(value) => self.push(format!("{flag}={value}")),
        }
    }

    fn file(&mut self, flag: &str, path: Option<PathBuf>) -> Result<(), UsageError> {
        let Some(path) = path else { return Ok(()) };
        let path = self.place.absolute(flag, Path::new(&path))?;
        if !self.place.os.is_absolute(&path) && !path.starts_with("${") {
            self.warnings.push(warning(format!(
                "`{path}` is not absolute on {}; hosts start programs in a folder of their own",
                self.place.os.as_str()
            )));
        }
        self.push(flag.to_owned());
        self.spec.words.push(Word::File(path));
        Ok(())
    }

    fn passphrase(&mut self, passphrase: Option<String>) {
        let Some(passphrase) = passphrase else { return };
        self.secret(PASSPHRASE.to_owned(), passphrase);
        self.warnings.push(warning(format!(
            "the passphrase stands in the configuration, as {PASSPHRASE}; with --tls-passphrase-file it \
             does not"
        )));
    }

    fn secret(&mut self, name: String, value: String) {
        self.spec.env.push((name, Secret::new(value)));
    }

    fn headers(&mut self, headers: Vec<String>) {
        let kept = headers.iter().enumerate().filter(|(at, text)| {
            // The last of a name wins anyway.
            !headers[at + 1..].iter().any(|later| same_name(text, later))
        });
        for (_, text) in kept {
            let value = self.header(text);
            self.value("--header", Some(value));
        }
    }

    /// The header without its secret, which goes to a variable.
    fn header(&mut self, text: &str) -> String {
        for name in variables(text) {
            if !self.spec.inherited.contains(&name) {
                self.warnings.push(warning(format!(
                    "{name} is not put into the configuration: the client has to have it"
                )));
                self.spec.inherited.push(name);
            }
        }
        let Some((typed, value)) = text.split_once(':') else { return text.to_owned() };
        let (typed, value) = (typed.trim(), value.trim());
        let name = HeaderName::from_bytes(typed.as_bytes()).ok();
        let holds = name.is_some_and(|name| header::names_a_secret(&name));
        if !holds || value.is_empty() || value.contains("${") {
            return text.to_owned();
        }
        let variable = self.free_variable(typed);
        self.warnings.push(warning(format!(
            "the value of header '{typed}' stands in the configuration, as {variable}; with --header-file it \
             does not"
        )));
        self.secret(variable.clone(), value.to_owned());
        format!("{typed}: ${{{variable}}}")
    }

    fn free_variable(&self, header: &str) -> String {
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let name: String = HEADER.chars().chain(header.chars().map(upper)).collect();
        let is_free = |name: &String| !self.spec.env.iter().any(|(known, _)| known == name);
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name)
    }
}

fn same_name(one: &str, other: &str) -> bool {
    match (one.split_once(':'), other.split_once(':')) {
        (Some((one, _)), Some((other, _))) => one.trim().eq_ignore_ascii_case(other.trim()),
        _ => false,
    }
}

/// The variables that the bridge fills in for a header, and cannot do without.
fn variables(text: &str) -> Vec<String> {
    let references = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    references.map(|(name, _)| name.to_owned()).filter(|name| !name.contains(":-")).collect()
}

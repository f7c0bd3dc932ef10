//! What a user is told when something fails: at most three lines, and for programs a kind.
//!
//! Modules return data or a [`Failure`]; the text reaches standard error and the JSON-RPC error of
//! each pending request from here, so that both say the same (IDEs hide standard error).

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::limits;

/// What went wrong (`error`), why (`cause`) and one thing to do about it (`hint`).
///
/// Lower case, no full stop, backticks around what the user typed, never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Names the thing that failed: the host and port, the file, the flag.
    pub error: String,
    /// The deepest known cause, in words.
    pub cause: Option<String>,
    /// One action that can be typed; none is better than a vague one.
    pub hint: Option<String>,
}

impl Report {
    /// A report with an `error:` line alone.
    pub fn new(error: impl Into<String>) -> Self {
        Self { error: error.into(), cause: None, hint: None }
    }

    /// Adds the `cause:` line.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds the `hint:` line.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Report {
    /// All of it on one line, for the log.
    pub fn line(&self) -> String {
        let cause = self.cause.iter().map(|cause| format!(": {cause}"));
        let hint = self.hint.iter().map(|hint| format!("; hint: {hint}"));
        cause.chain(hint).fold(self.error.clone(), |line, part| line + &part)
    }
}

impl Report {
    /// The same for a request that changes nothing wherever it runs: nobody has to look whether it did.
    #[must_use]
    pub fn harmless(&self) -> Self {
        let Self { error, cause, hint } = self;
        let rest = hint.as_deref().and_then(|hint| hint.strip_prefix(CHECK_AT_REMOTE));
        let hint = match rest.map(|rest| rest.trim_start_matches("; ")) {
            None => hint.clone(),
            Some("") => {
                Some("try again; if it stays so, the log of the server says why".to_owned())
            }
            Some(rest) => Some(rest.to_owned()),
        };
        let error = error.strip_suffix(MAY_HAVE_RUN).unwrap_or(error).to_owned();
        Self { error, cause: cause.clone(), hint }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.error)?;
        if let Some(cause) = &self.cause {
            write!(f, "\ncause: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint:  {hint}")?;
        }
        Ok(())
    }
}

/// The class of a failed request, in `error.data.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The remote answered 401 or 403.
    Auth,
    /// Certainly not processed by the remote: it could not be reached, or nothing was written.
    NotSent,
    /// The connection was lost after the request was written: the remote may have executed it.
    OutcomeUnknown,
    /// Too many requests: 429, 503, or a cap of our own.
    Overloaded,
    /// The peer broke the protocol.
    Protocol,
    /// The remote answered with another HTTP error status, and no JSON-RPC error in the body.
    Refused,
    /// A time limit that the user set ran out.
    Timeout,
    /// The TLS handshake or a certificate was refused, by us or by the remote.
    Tls,
    /// Over a size limit.
    TooLarge,
}

impl Kind {
    /// The word in `error.data.kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::NotSent => "not_sent",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Overloaded => "overloaded",
            Self::Protocol => "protocol",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::TooLarge => "too_large",
        }
    }
}

/// A request, a connection or a whole channel that failed: the kind for programs, the report for
/// people.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The class.
    pub kind: Kind,
    /// Whether the request may be sent again without a risk of running twice.
    pub retry_safe: bool,
    /// The remote's `Retry-After`, where it gave one.
    pub retry_after: Option<Duration>,
    /// The sentences.
    pub report: Report,
}

impl Failure {
    /// A failure of this kind. Only what certainly did not reach the remote is marked as safe to
    /// send again.
    pub fn new(kind: Kind, report: Report) -> Self {
        let retry_safe = matches!(kind, Kind::NotSent | Kind::Tls);
        Self { kind, retry_safe, retry_after: None, report }
    }

    /// The same where something of the request may have been done.
    #[must_use]
    pub fn in_doubt(self) -> Self {
        match self.kind {
            Kind::NotSent => Self { kind: Kind::OutcomeUnknown, retry_safe: false, ..self },
            _ => self,
        }
    }

    /// The same for a request that waited for something else to be done first.
    #[must_use]
    pub fn beforehand(self) -> Self {
        match self.kind {
            Kind::OutcomeUnknown => Self { kind: Kind::NotSent, retry_safe: true, ..self },
            _ => self,
        }
    }

    /// A limit of our own: nothing was started, so it may be tried again a little later.
    pub fn full(text: &str, limit: usize) -> Self {
        let report = Report::new(text)
            .cause(format!("{limit} are allowed"))
            .hint("try again later, or end what is not used");
        let retry_after = Some(limits::RETRY_AFTER);
        Self { kind: Kind::Overloaded, retry_safe: true, retry_after, report }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)
    }
}

impl std::error::Error for Failure {}

/// How the first line ends where nobody can tell whether a request was executed.
pub const MAY_HAVE_RUN: &str = "; the remote may or may not have executed this request";

/// How the hint begins then.
pub const CHECK_AT_REMOTE: &str = "check at the remote before you send it again";

/// How the hint begins that is about the path of a file.
pub const CHECK_PATH: &str = "check the path given with ";

/// Why a file cannot be read or written, in words that are the same on each platform, and without the number
/// that Rust puts behind its own.
pub fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::StorageFull => "no space is left".to_owned(),
        _ => error.to_string(),
    }
}

/// The hint for a file that is not open to us: in a container the user is another one than its owner.
const LET_IT_BE_READ: &str = "let the user of this program read it, or start it as the owner: in a container by \
     `--user`";

/// The hint for a file that cannot be read, and why: what gave its `path`, as in `` `--tls-cert` ``.
pub fn check_file(given_with: &str, path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => LET_IT_BE_READ.to_owned(),
        _ => check_path(given_with, path),
    }
}

/// The hint for a path that leads to nothing of use: what gave it.
pub fn check_path(given_with: &str, path: &Path) -> String {
    let whence = if path.is_relative() {
        "; a relative one begins where this program was started, so make it absolute"
    } else {
        ""
    };
    format!("{CHECK_PATH}{given_with}{whence}")
}

/// Text of a peer, fit to be shown: control characters become spaces, blanks are folded, and it
/// is cut at [`limits::PEER_TEXT_CHARS`].
pub fn peer_text(text: &str) -> String {
    let mut shown = String::new();
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    for (count, c) in
        words.filter(|word| !word.is_empty()).flat_map(|word| word.chars().chain([' '])).enumerate()
    {
        if count == limits::PEER_TEXT_CHARS {
            shown.push('…');
            return shown;
        }
        shown.push(c);
    }
    shown.truncate(shown.trim_end().len());
    shown
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::CHECK_AT_REMOTE;
    use super::MAY_HAVE_RUN;
    use super::Report;
    use super::check_file;
    use super::peer_text;

    #[test]
    fn who_may_not_read_a_file_is_not_told_to_look_at_its_path() {
        let hint = |kind: io::ErrorKind| check_file("`--a`", Path::new("/b"), &kind.into());
        let missing = hint(io::ErrorKind::NotFound);
        assert!(missing.starts_with("check the path given with `--a`"), "{missing}");
        let hint = hint(io::ErrorKind::PermissionDenied);
        assert!(hint.contains("--user") && !hint.contains("path"), "{hint}");
    }

    #[test]
    fn a_report_is_three_lines_at_most() {
        let report = Report::new("cannot read `a.pem`");
        assert_eq!(report.to_string(), "error: cannot read `a.pem`");
        let report = report.cause("no such file").hint("check the path");
        assert_eq!(
            report.to_string(),
            "error: cannot read `a.pem`\ncause: no such file\nhint:  check the path"
        );
        assert_eq!(report.line(), "cannot read `a.pem`: no such file; hint: check the path");
    }

    #[test]
    fn who_asked_for_nothing_but_a_list_need_not_look_what_became_of_it() {
        let lost = Report::new(format!("connection lost{MAY_HAVE_RUN}")).cause("reset");
        let told = lost.clone().hint(CHECK_AT_REMOTE).harmless();
        assert_eq!((&*told.error, told.cause.as_deref()), ("connection lost", Some("reset")));
        assert!(told.hint.unwrap().starts_with("try again"));
        let told = lost.clone().hint(format!("{CHECK_AT_REMOTE}; if so, do so")).harmless();
        assert_eq!(told.hint.as_deref(), Some("if so, do so"));
        let other = Report::new("no").hint("go away");
        assert_eq!(other.harmless(), other);
    }

    #[test]
    fn text_of_a_peer_is_short_and_harmless() {
        assert_eq!(peer_text("  a\u{1b}[31mb\r\n\tc "), "a [31mb c");
        let long = peer_text(&"x".repeat(5000));
        assert_eq!(long.chars().count(), crate::limits::PEER_TEXT_CHARS + 1);
        assert!(long.ends_with('…'));
    }
}

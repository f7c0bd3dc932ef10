//! Names of clients: common names that are file names on every system.

use std::fmt;

use crate::limits;

/// Names that a set uses itself.
const OURS: [&str; 2] = ["ca", "server"];
/// Names that Windows keeps for devices, whatever comes after a dot; also with a number.
const DEVICES: [&str; 6] = ["aux", "con", "nul", "prn", "com", "lpt"];

/// A name that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(String);

/// Why a text cannot be the name of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Something that could lead out of the folder, or that shells or systems read differently.
    #[error(
        "must begin with a letter or digit and go on with letters, digits and `.`, `_`, `-`, `@`"
    )]
    Characters,
    /// A dot at the end, which Windows drops.
    #[error("must not end in a dot")]
    EndsInDot,
    /// Over [`limits::MAX_COMMON_NAME`].
    #[error("must have at most {} characters", limits::MAX_COMMON_NAME)]
    Long,
    /// A file of another meaning.
    #[error("is taken for something else")]
    Taken,
}

impl ClientName {
    /// The name of the only client of whoever does not name any.
    pub fn unnamed() -> Self {
        Self("client".to_owned())
    }

    /// A name of ASCII letters, digits and some signs.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let safe = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.chars().all(safe) {
            return Err(NameError::Characters);
        }
        if text.len() > limits::MAX_COMMON_NAME {
            return Err(NameError::Long);
        }
        if text.ends_with('.') {
            return Err(NameError::EndsInDot);
        }
        if is_taken(text) { Err(NameError::Taken) } else { Ok(Self(text.to_owned())) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the files of both would be the same on a system that does not tell case apart.
    pub fn collides_with(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_taken(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let stem = text.split('.').next().unwrap_or(&text);
    OURS.contains(&&*text) || DEVICES.contains(&stem.trim_end_matches(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::ClientName;
    use super::NameError;

    #[test]
    fn a_name_is_a_file_name_on_every_system() {
        for good in ["a", "client", "dev-1", "ann@example.com", "a.b_c", "ca2", "server.old"] {
            assert_eq!(ClientName::parse(good).map(|name| name.0), Ok(good.to_owned()));
        }
        for bad in ["", ".", "..", ".a", "-a", "a/b", "../a", "a\\b", "a b", "a\0", "a\n", "ä", "*"]
        {
            assert_eq!(ClientName::parse(bad), Err(NameError::Characters), "{bad:?}");
        }
        for taken in ["ca", "CA", "server", "con", "NUL.x", "com1", "lpt9.crt"] {
            assert_eq!(ClientName::parse(taken), Err(NameError::Taken), "{taken}");
        }
        assert_eq!(ClientName::parse("a."), Err(NameError::EndsInDot));
        assert!(ClientName::parse(&"a".repeat(64)).is_ok());
        assert_eq!(ClientName::parse(&"a".repeat(65)), Err(NameError::Long));
    }

    #[test]
    fn names_that_differ_in_case_alone_collide() {
        let name = |text| ClientName::parse(text).unwrap();
        assert!(name("Dev").collides_with(&name("dEV")) && !name("dev").collides_with(&name("de")));
    }
}

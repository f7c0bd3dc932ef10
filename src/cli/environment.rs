//! The environment as a value, so that tests need not change that of the process.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::ffi::OsString;

/// The variables that the program was started with. One that is empty counts as unset.
#[derive(Default)]
pub struct Environment(HashMap<OsString, OsString>);

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// All variables.
    pub fn all(&self) -> impl Iterator<Item = (OsString, OsString)> {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone()))
    }

    /// Whether `name` is set, be it to nothing.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of `name`, unless it is unset or empty.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.named(name).map(|(_, value)| value)
    }

    /// As [`var`](Self::var), behind the name as it was set.
    pub fn named(&self, name: &str) -> Option<(&OsStr, &OsStr)> {
        self.get(name).filter(|(_, value)| !value.is_empty())
    }

    /// On Windows the case of a name means nothing.
    fn get(&self, name: &str) -> Option<(&OsStr, &OsStr)> {
        let is_it = |other: &OsStr| cfg!(windows) && other.eq_ignore_ascii_case(name);
        let exact = self.0.get_key_value(OsStr::new(name));
        let found = exact.or_else(|| self.0.iter().find(|(other, _)| is_it(other)));
        found.map(|(name, value)| (&**name, &**value))
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn names_are_the_same_in_any_case_where_the_system_says_so() {
        let env: Environment = [("Mcp_Remote_X", "1"), ("EMPTY", "")].into_iter().collect();
        assert_eq!(env.has("MCP_REMOTE_X"), cfg!(windows));
        assert_eq!(env.var("MCP_REMOTE_X").is_some(), cfg!(windows));
        assert!(env.var("Mcp_Remote_X").is_some());
        assert!(env.has("EMPTY") && env.var("EMPTY").is_none());
    }
}

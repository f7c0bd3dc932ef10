//! What users and hosts have added to an entry of ours, and what stays there when it is brought up to date.

use serde_json::Map;
use serde_json::Value;

use crate::command::ide::entry::Entry;
use crate::command::ide::entry::held;
use crate::command::ide::hosts::Format;
use crate::command::ide::hosts::Host;

/// How the names of the variables begin that this program reads.
pub const VARIABLES: &str = "MCP_REMOTE_";

/// What is not ours in an entry that is.
#[derive(Default)]
pub(super) struct Kept {
    /// Members of the entry.
    pub(super) members: Map<String, Value>,
    /// Members of its `env`.
    pub(super) env: Map<String, Value>,
    /// Variables that it has its host pass on, and no header asks for.
    pub(super) inherited: Vec<String>,
}

impl Kept {
    /// Reads it out of an entry.
    pub(super) fn of(host: &Host, value: &Value) -> Self {
        let Some(entry) = Entry::read(value) else { return Self::default() };
        let inner = value["transport"].as_object();
        let mut env = held(value).rest["env"].as_object().cloned().unwrap_or_default();
        env.retain(|name, _| !name.starts_with(VARIABLES));
        let is_ours = |name: &str| {
            let is_form = name == "transport" || inner.is_some() && name == "type";
            let is_list = host.format == Format::Toml && name == "env_vars";
            let is_mark = host.marks.iter().any(|(mark, _)| *mark == name);
            is_form || is_list || is_mark || ["command", "args", "env"].contains(&name)
        };
        let outer = value.as_object();
        let mut members: Map<_, _> =
            inner.into_iter().chain(outer).flatten().map(|(n, v)| (n.clone(), v.clone())).collect();
        members.retain(|name, _| !is_ours(name));
        let asked =
            |name: &String| entry.args.iter().any(|arg| arg.contains(&format!("${{{name}}}")));
        let inherited = entry.inherited.iter().filter(|name| !asked(name)).cloned().collect();
        Self { members, env, inherited }
    }

    /// The variables of the entry, and those that are kept, in the order of their names.
    pub(super) fn env(&self, entry: &Entry) -> Map<String, Value> {
        let own = entry.env.iter().map(|(name, value)| (name.clone(), Value::from(value.clone())));
        let mut all: Vec<_> = self.env.clone().into_iter().collect();
        all.retain(|(name, _)| !entry.env.iter().any(|(own, _)| own == name));
        all.extend(own);
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all.into_iter().collect()
    }

    /// The variables that the host is asked to pass on.
    pub(super) fn inherited(&self, entry: &Entry) -> Vec<String> {
        let more = self.inherited.iter().filter(|name| !entry.inherited.contains(name));
        entry.inherited.iter().chain(more).cloned().collect()
    }
}

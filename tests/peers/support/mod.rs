//! What the topics share: installed peers, their processes, a PKI, fronts, servers and hosts.

pub(crate) mod bridge;
pub(crate) mod checks;
pub(crate) mod dialogue;
pub(crate) mod front;
pub(crate) mod host;
pub(crate) mod install;
pub(crate) mod pki;
pub(crate) mod probing;
pub(crate) mod process;
pub(crate) mod remote;
pub(crate) mod serve;

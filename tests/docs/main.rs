//! What README.md, LOCAL_MTLS_TESTING.md and guides tell people to type is typed here, and has to print
//! what they show.
//!
//! Each `sh` block is a script of its own in a scratch folder, with the built programs on `PATH`. A
//! `jsonl` block after it is what its reader types, a `text` block what it prints, on both outputs:
//! see [`shown`] for what may differ. Without a `text` block it has to succeed.
//!
//! Comments that readers do not see say the rest, on a line before the block:
//! - `<!-- test: new folder -->`: all that runs is ended, and an empty folder is made;
//! - `<!-- test: until WORDS -->`: the block runs on; the next one waits until it has said WORDS;
//! - `<!-- test: exit CODE -->`: it ends with this code instead of 0;
//! - `<!-- test: run`, then lines of a script up to `-->`: a block that readers do not see.
#![cfg(unix)] // the commands are those of a Unix shell

#[cfg(test)]
#[path = "../peers/support/install.rs"]
#[allow(dead_code, reason = "the peers need more of it")]
mod install;
#[cfg(test)]
mod page;
#[cfg(test)]
#[path = "../peers/support/process.rs"]
#[allow(dead_code, reason = "the peers need more of it")]
mod process;
#[cfg(test)]
mod shown;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod typed;

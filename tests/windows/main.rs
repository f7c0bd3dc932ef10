//! The program on Windows, driven as people drive it: `serve` and the bridge over mutual TLS, with a server that
//! this very test program plays. Here and there by wine: see .ci/wine.

#![cfg(windows)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what a failed test shows")]
#![allow(
    clippy::disallowed_methods,
    reason = "a test has threads and a clock of its own, and is not bound to one thread"
)]

mod arguments;
mod ending;
mod fixture;
mod program;
mod starting;
mod witness;

//! The program on Windows, driven as people drive it: `serve` and the bridge over mutual TLS, with a server that
//! this very test program plays. Here and there by wine: see .ci/wine.

#![cfg(windows)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod arguments;
mod ending;
mod fixture;
mod program;
mod starting;
mod witness;

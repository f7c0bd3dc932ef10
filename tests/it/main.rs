//! Integration tests: a file for each topic, and `support` for what they share.

#![allow(clippy::expect_used, reason = "a test stops where it stands")]
#![allow(clippy::unwrap_used, reason = "a test stops where it stands")]

mod credentials;
mod refused_clients;
mod reload;
mod server_certificates;
mod support;
mod system_roots;

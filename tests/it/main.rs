//! The bridge as its host sees it: the real program, real sockets, scripted remotes.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking, and has threads and a clock of its own"
)]

mod cancelling;
mod choosing;
mod event_streams;
mod get_stream;
mod modern;
mod posting;
mod refusals;
mod sessions;
mod sse;
mod stdio_face;
mod support;
mod support_works;

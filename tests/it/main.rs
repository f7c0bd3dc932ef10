//! Integration tests, one binary, a module a topic.

mod event_stream;
mod line;

//! Integration tests, one binary, a module a topic.

#[cfg(test)]
mod event_stream;
#[cfg(test)]
mod line;

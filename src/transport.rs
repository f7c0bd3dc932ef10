//! One wire format a module, and the parts that they share.

pub mod streamable_http;

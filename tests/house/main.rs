//! The rules of the house that a compiler does not know. See ARCHITECTURE.md.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod documents;
mod layers;
mod owners;
mod source;
mod words;

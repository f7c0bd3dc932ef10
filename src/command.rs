//! One thin composition for each command of the program.

pub mod bridge;
pub mod certs;
pub mod demo;
pub mod ide;
pub mod probe;
pub mod serve;

pub(crate) mod page;

mod memory;
mod script;
mod signals;

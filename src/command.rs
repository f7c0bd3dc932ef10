//! One thin composition for each command of the program.

pub mod bridge;
pub mod certs;
pub mod demo;
pub mod probe;
pub mod serve;

mod memory;
mod page;
mod script;
mod signals;

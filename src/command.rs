//! One thin composition for each command of the program.

pub mod bridge;
pub mod certs;
pub mod demo;

mod memory;
mod signals;

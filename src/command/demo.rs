//! The demonstration: both ends of a connection over mutual TLS, in one process.

use crate::report::Report;

/// Runs the demonstration.
pub async fn run() -> Result<(), Report> {
    Err(Report::new("the demonstration is not part of this build"))
}

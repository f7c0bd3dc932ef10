//! What operators and their tools see of a running server: whether it lives, whether it is ready, and
//! its numbers.
//!
//! ```text
//! collector, load balancer --> Front --> Admin --+-- /healthz: the process runs
//!                                                +-- /readyz: Readiness
//!                                                +-- /metrics: Numbers, read when they are asked for
//! ```

mod admin;
mod metrics;
mod readiness;

pub use crate::observe::admin::Admin;
pub use crate::observe::metrics::CertificateState;
pub use crate::observe::metrics::Numbers;
pub use crate::observe::readiness::Readiness;

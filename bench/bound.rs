//! How good is good enough.

use std::fmt;

use crate::number::precise;

/// Which way is good.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    /// Whether a value is good enough, in a word.
    pub(crate) fn verdict(self, value: f64) -> &'static str {
        let is_met = match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        };
        if is_met { "met" } else { "MISSED" }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, ">= {}", precise(*bound)),
            Self::AtMost(bound) => write!(f, "<= {}", precise(*bound)),
        }
    }
}

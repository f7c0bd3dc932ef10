//! Who the peer at the other end of a connection is, and whether it may come in.
//!
//! `tls` proves that a client holds a certificate; here it becomes a [`Peer`], whose [`Principal`]
//! owns sessions and children, and [`Rules`] say which of all the certificates of a CA are meant.

pub(crate) mod label;
mod pattern;
mod peer;
mod rules;

pub use crate::auth::label::Label;
pub use crate::auth::peer::Peer;
pub use crate::auth::peer::Principal;
pub use crate::auth::rules::Allowed;
pub use crate::auth::rules::Refusal;
pub use crate::auth::rules::Rules;

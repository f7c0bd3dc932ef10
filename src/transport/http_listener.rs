//! HTTP from many clients: sockets, TLS handshakes, connections and what each of them may cost.
//! What a request means is the business of a [`Handler`].
//!
//! ```text
//! bind --> accept loop --> connection: handshake, peer --> admission: rules, Host, Origin --> Handler
//! ```

mod accept;
mod activity;
mod admission;
mod body;
mod connection;
mod counts;
mod guarded;
mod hosts;
mod listed;
mod socket;

pub use crate::transport::http_listener::accept::Front;
pub use crate::transport::http_listener::accept::FrontConfig;
pub use crate::transport::http_listener::admission::Admission;
pub use crate::transport::http_listener::body::BodyError;
pub use crate::transport::http_listener::body::Refused;
pub use crate::transport::http_listener::body::Reply;
pub use crate::transport::http_listener::body::ReplyBody;
pub use crate::transport::http_listener::body::discard;
pub use crate::transport::http_listener::body::empty;
pub use crate::transport::http_listener::body::json;
pub use crate::transport::http_listener::body::read;
pub use crate::transport::http_listener::body::refusal;
pub use crate::transport::http_listener::body::stream;
pub use crate::transport::http_listener::counts::Counts;
pub use crate::transport::http_listener::hosts::Hosts;
pub use crate::transport::http_listener::hosts::Origins;
pub use crate::transport::http_listener::socket::bind;

use std::future::Future;
use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;

use crate::auth::Peer;

/// What answers the requests of admitted peers.
pub trait Handler: Send + Sync + 'static {
    /// The answer to one request. The future is dropped if the client goes away before it is done.
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Arc<Peer>,
    ) -> impl Future<Output = Reply> + Send;
}

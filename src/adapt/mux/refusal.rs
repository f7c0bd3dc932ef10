//! The errors that a shared server's clients, and the server itself, get from us.

use crate::limits;
use crate::message::RpcError;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;

/// For a client: more requests are open than there may be, its own (`own`) or all.
pub(crate) fn too_many(own: bool) -> RpcError {
    let (who, most) = match own {
        true => ("this client", limits::MAX_IN_FLIGHT),
        false => ("the clients of this server", limits::MAX_SHARED_IN_FLIGHT),
    };
    let report = Report::new("too many requests at the same time")
        .cause(format!("{who} may have {most} that wait for their answer, with short ids"));
    let mut failure = Failure::new(Kind::Overloaded, report);
    failure.retry_safe = true;
    RpcError::failed(&failure, None)
}

/// For a client: the server takes no more messages.
pub(crate) fn not_taken() -> Failure {
    Failure::new(Kind::NotSent, Report::new("the server takes no more messages"))
}

/// The same failure, for a request that certainly did not reach the server.
pub(crate) fn not_sent(failure: Failure) -> Failure {
    Failure { kind: Kind::NotSent, retry_safe: true, ..failure }
}

/// For all clients: the server ended without a reason.
pub(crate) fn server_ended() -> Failure {
    let report = Report::new("the server ended; it may or may not have executed this request");
    Failure::new(Kind::OutcomeUnknown, report)
}

/// For the server: who was asked will not answer.
pub(crate) fn client_left() -> RpcError {
    let report = Report::new("the client that was asked has left");
    RpcError::failed(&Failure::new(Kind::OutcomeUnknown, report), None)
}

/// For the server: there is nobody to ask.
pub(crate) fn no_client(method: &str) -> RpcError {
    RpcError::method_not_found(&format!("{method} (no client is there)"))
}

/// For the server: it has too many questions open.
pub(crate) fn too_many_questions() -> RpcError {
    let report = Report::new("too many requests of the server at the same time")
        .cause(format!("{} wait for the answers of clients", limits::MAX_IN_FLIGHT));
    let mut failure = Failure::new(Kind::Overloaded, report);
    failure.retry_safe = true;
    RpcError::failed(&failure, None)
}

//! How much of everything `serve` allows.

use std::time::Duration;

use crate::cli::quantity;
use crate::cli::serve::flags::LimitFlags;
use crate::cli::usage::UsageError;
use crate::command::serve::Limits;
use crate::limits;

/// The limits, each as it was typed or by default.
pub(super) fn limits(flags: &LimitFlags) -> Result<Limits, UsageError> {
    let LimitFlags { session_idle_timeout: idle, session_lifetime: lifetime, .. } = flags;
    let body = match &flags.max_body_size {
        Some(text) => quantity::size("--max-body-size", text)?,
        None => limits::MAX_BODY_BYTES,
    };
    let sessions = count("--max-sessions", flags.max_sessions.as_deref(), limits::MAX_SESSIONS)?;
    Ok(Limits {
        connections: count(
            "--max-connections",
            flags.max_connections.as_deref(),
            limits::MAX_CONNECTIONS,
        )?,
        sessions,
        sessions_each: count(
            "--max-sessions-per-client",
            flags.max_sessions_per_client.as_deref(),
            limits::MAX_SESSIONS_EACH,
        )?,
        requests: count("--max-requests", flags.max_requests.as_deref(), limits::MAX_REQUESTS)?,
        request_timeout: flags
            .request_timeout
            .as_deref()
            .map(|text| quantity::time("--request-timeout", text))
            .transpose()?,
        starting: count("--max-starting", flags.max_starting.as_deref(), limits::MAX_STARTING)?,
        body,
        session_idle: time("--session-idle-timeout", idle.as_deref(), limits::SESSION_IDLE)?,
        session_lifetime: time(
            "--session-lifetime",
            lifetime.as_deref(),
            limits::SESSION_LIFETIME,
        )?,
        idle_timeout: time(
            "--idle-timeout",
            flags.idle_timeout.as_deref(),
            limits::CONNECTION_IDLE,
        )?,
        handshake_timeout: time(
            "--handshake-timeout",
            flags.handshake_timeout.as_deref(),
            limits::HANDSHAKE_TIMEOUT,
        )?,
    })
}

fn count(flag: &str, text: Option<&str>, default: usize) -> Result<usize, UsageError> {
    text.map_or(Ok(default), |text| quantity::count(flag, text))
}

/// A time as it was typed after `flag`, or by default.
pub(super) fn time(
    flag: &str,
    text: Option<&str>,
    default: Duration,
) -> Result<Duration, UsageError> {
    text.map_or(Ok(default), |text| quantity::time(flag, text))
}

//! What a service manager such as systemd gives to the program that it starts: sockets that are open
//! already, and a socket that wants to hear how it goes.

use std::net::TcpListener;
use std::time::Duration;

use crate::cli::environment::Environment;
use crate::command::serve::ServiceManager;
use crate::report::Report;

/// Who wants to hear of us (sd_notify(3), sd_watchdog_enabled(3)).
pub(super) fn manager(env: &Environment) -> ServiceManager {
    let text = |name| env.var(name).and_then(|value| value.to_str());
    let is_for_us = text("WATCHDOG_PID").is_none_or(is_our_number);
    let watchdog = text("WATCHDOG_USEC").filter(|_| is_for_us);
    let watchdog = watchdog.and_then(|us| us.parse().ok()).filter(|us| *us > 0);
    ServiceManager {
        socket: env.var("NOTIFY_SOCKET").map(ToOwned::to_owned),
        watchdog: watchdog.map(Duration::from_micros),
    }
}

/// The sockets that were opened for us (sd_listen_fds(3)).
///
/// # Errors
/// One of them takes no TCP connections.
#[cfg(unix)]
pub(super) fn sockets(env: &Environment) -> Result<Vec<TcpListener>, Report> {
    // They may be meant for a process that started us.
    let is_for_us = env.var("LISTEN_PID").and_then(|pid| pid.to_str()).is_some_and(is_our_number);
    if !is_for_us {
        return Ok(Vec::new());
    }
    let mut given = listenfd::ListenFd::from_env();
    let mut sockets = Vec::new();
    for number in 0..given.len() {
        let socket = given.take_tcp_listener(number).map_err(|error| {
            Report::new("cannot use a socket that was opened for this program")
                .cause(error.to_string())
                .hint("in the unit of the socket, `ListenStream` has to be an address and a port")
        })?;
        sockets.extend(socket);
    }
    Ok(sockets)
}

/// There is no such manager on Windows.
#[cfg(not(unix))]
pub(super) fn sockets(_: &Environment) -> Result<Vec<TcpListener>, Report> {
    Ok(Vec::new())
}

fn is_our_number(pid: &str) -> bool {
    pid.parse() == Ok(std::process::id())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::manager;
    use super::sockets;
    use crate::cli::environment::Environment;

    #[test]
    fn signs_of_life_are_given_to_who_asked_us_for_them() {
        let own = std::process::id().to_string();
        for (pid, expected) in [(None, true), (Some(&*own), true), (Some("1"), false)] {
            let variables = [("WATCHDOG_USEC", "3000000")].into_iter();
            let env: Environment = variables.chain(pid.map(|pid| ("WATCHDOG_PID", pid))).collect();
            let wanted = expected.then_some(Duration::from_secs(3));
            assert_eq!(manager(&env).watchdog, wanted, "{pid:?}");
        }
        assert!(manager(&Environment::default()).socket.is_none());
    }

    #[test]
    fn sockets_of_another_process_are_let_be() {
        for pid in ["1", ""] {
            let env = [("LISTEN_PID", pid), ("LISTEN_FDS", "1")].into_iter().collect();
            assert!(sockets(&env).unwrap().is_empty());
        }
    }
}

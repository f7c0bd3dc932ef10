//! Whether a server should be sent work.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// Whether the command behind a server can be started, and whether the server is about to stop.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_stopping: bool,
    command: Command,
}

#[derive(Debug, Default)]
enum Command {
    #[default]
    Untried,
    Starts,
    Fails(String),
}

impl Readiness {
    /// The command was started and has answered.
    pub fn command_starts(&self) {
        self.lock().command = Command::Starts;
    }

    /// The command could not be started, or has not answered.
    pub fn command_fails(&self, reason: String) {
        self.lock().command = Command::Fails(reason);
    }

    /// Nothing more is taken.
    pub fn stop(&self) {
        self.lock().is_stopping = true;
    }

    /// Whether requests are welcome.
    ///
    /// # Errors
    /// They are not; why not, in one line.
    pub fn check(&self) -> Result<(), String> {
        let state = self.lock();
        match &state.command {
            _ if state.is_stopping => Err("the server is stopping".to_owned()),
            Command::Starts => Ok(()),
            Command::Untried => Err("the command is tried for the first time".to_owned()),
            Command::Fails(reason) => Err(format!("the command cannot be started: {reason}")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Readiness;

    #[test]
    fn a_server_is_ready_while_its_command_starts_and_it_is_not_stopping() {
        let readiness = Readiness::default();
        assert!(readiness.check().is_err_and(|reason| reason.contains("first time")));
        readiness.command_fails("no such file".to_owned());
        assert!(readiness.check().is_err_and(|reason| reason.ends_with(": no such file")));
        readiness.command_starts();
        assert_eq!(readiness.check(), Ok(()));
        readiness.stop();
        assert!(readiness.check().is_err_and(|reason| reason.contains("stopping")));
    }
}

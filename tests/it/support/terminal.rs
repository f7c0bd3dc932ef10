//! A program at a terminal.

use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;

/// What runs at a terminal that `script` makes for it.
pub(crate) struct Terminal {
    child: Child,
    shown: Vec<u8>,
}

impl Terminal {
    /// Runs a line of the shell in `folder`.
    pub(crate) fn start(folder: &Path, line: &str) -> Self {
        // What the terminal does after the program is what it did before.
        let line = format!("{line}; code=$?; stty -a; exit $code");
        let child = Command::new("script")
            .args(["-qefc", &line, "/dev/null"])
            .current_dir(folder)
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`script` is part of every Debian and macOS");
        Self { child, shown: Vec::new() }
    }

    /// Waits until the last that is shown is `text`.
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !self.shown.ends_with(text.as_bytes()) {
            let mut byte = [0];
            let count = self.child.stdout.as_mut().unwrap().read(&mut byte).unwrap();
            assert!(count == 1, "{text}: {}", String::from_utf8_lossy(&self.shown));
            self.shown.push(byte[0]);
        }
    }

    /// Waits for a question, then types the answer.
    pub(crate) fn answer(&mut self, question: &str, keys: &str) {
        self.wait_for(question);
        self.child.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// How the program ended, and all that stood on the terminal.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        self.child.stdout.as_mut().unwrap().read_to_end(&mut self.shown).unwrap();
        (self.child.wait().unwrap(), String::from_utf8(self.shown).unwrap())
    }
}

//! Asks for a passphrase at the terminal, without showing it.

use std::io;
use std::io::BufRead;
use std::io::Write;

use zeroize::Zeroizing;

use crate::limits;
use crate::report::Report;
use crate::secret::Secret;

/// Keys as a terminal sends them when it does not work on the line itself.
const INTERRUPT: u8 = 0x03;
const END_OF_INPUT: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const ERASE_LINE: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// Asks for the passphrase of something, `twice` if it is a new one. Questions go to standard error.
pub(super) fn ask(of: &str, twice: bool) -> Result<Secret, Report> {
    let failed =
        |cause: String| Report::new(format!("cannot ask for the passphrase of {of}")).cause(cause);
    let _silence = Silence::begin().map_err(|error| failed(error.to_string()))?;
    let answer = |question: String| {
        let answer = question_and_answer(&question);
        answer.map_err(|error| failed(error.to_string()))
    };
    let first = answer(format!("Passphrase of {of}: "))?;
    if twice && *answer(format!("The same again, passphrase of {of}: "))? != *first {
        return Err(failed("the two that were typed differ".to_owned()));
    }
    let text = str::from_utf8(&first).map_err(|_| failed("what was typed is not UTF-8".into()))?;
    Ok(Secret::new(text.to_owned()))
}

fn question_and_answer(question: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut err = io::stderr();
    err.write_all(question.as_bytes())?;
    err.flush()?;
    let answer = line(io::stdin().lock());
    // Nobody has seen the end of the line, however it went.
    err.write_all(b"\n")?;
    answer
}

/// One line as it is typed, with the keys that correct it.
fn line(typed: impl BufRead) -> io::Result<Zeroizing<Vec<u8>>> {
    let limit = limits::PASSPHRASE_FILE_BYTES as usize;
    // Room for all of it at once: a growing vector would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(limit));
    for byte in typed.bytes() {
        match byte? {
            b'\r' | b'\n' => return Ok(line),
            INTERRUPT => return Err(io::Error::other("it was interrupted")),
            END_OF_INPUT => break,
            BACKSPACE | DELETE => erase(&mut line),
            ERASE_LINE => line.clear(),
            _ if line.len() == limit => return Err(io::Error::other("it is too long")),
            byte => line.push(byte),
        }
    }
    Err(io::Error::other("the input ended"))
}

/// The last character, which has more than one byte outside of ASCII.
fn erase(line: &mut Vec<u8>) {
    const CONTINUES: u8 = 0b10;
    while line.pop().is_some_and(|byte| byte >> 6 == CONTINUES) {}
}

/// Whether somebody can be asked: standard input and standard error are a terminal.
#[cfg(unix)]
pub(super) fn can_ask() -> bool {
    use std::io::IsTerminal;

    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Elsewhere a terminal cannot be silenced without code of the system's own.
#[cfg(not(unix))]
pub(super) fn can_ask() -> bool {
    false
}

/// The terminal shows nothing and passes all keys on, also that which interrupts, until this is
/// dropped: whoever interrupts gets the terminal back as it was.
#[cfg(unix)]
struct Silence {
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl Silence {
    fn begin() -> io::Result<Self> {
        use rustix::termios::LocalModes;
        use rustix::termios::SpecialCodeIndex;

        let before = rustix::termios::tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        let gone = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
        silent.local_modes.remove(gone);
        // A read takes what is there, and waits for one byte at least.
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        set(&silent)?;
        Ok(Self { before })
    }
}

#[cfg(unix)]
impl Drop for Silence {
    fn drop(&mut self) {
        // There is nothing to be done about a terminal that is gone.
        let _ = set(&self.before);
    }
}

#[cfg(unix)]
fn set(modes: &rustix::termios::Termios) -> io::Result<()> {
    use rustix::termios::OptionalActions;

    Ok(rustix::termios::tcsetattr(io::stdin(), OptionalActions::Drain, modes)?)
}

#[cfg(not(unix))]
struct Silence;

#[cfg(not(unix))]
impl Silence {
    fn begin() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    fn typed(keys: &str) -> Result<String, String> {
        match line(keys.as_bytes()) {
            Ok(line) => Ok(String::from_utf8(line.to_vec()).unwrap()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_line_ends_with_the_key_for_it() {
        assert_eq!(typed("correct horse\rmore"), Ok("correct horse".to_owned()));
        assert_eq!(typed("correct horse\n"), Ok("correct horse".to_owned()));
        assert_eq!(typed("\n"), Ok(String::new()));
    }

    #[test]
    fn keys_correct_the_line() {
        assert_eq!(typed("ab\u{7f}c\n"), Ok("ac".to_owned()));
        assert_eq!(typed("\u{8}aé€\u{8}\u{8}b\n"), Ok("ab".to_owned()));
        assert_eq!(typed("wrong\u{15}right\n"), Ok("right".to_owned()));
    }

    #[test]
    fn a_line_that_is_given_up_is_no_passphrase() {
        assert_eq!(typed("a\u{3}"), Err("it was interrupted".to_owned()));
        for keys in ["a\u{4}b\n", "a", ""] {
            assert_eq!(typed(keys), Err("the input ended".to_owned()));
        }
        assert_eq!(typed(&"a".repeat(5000)), Err("it is too long".to_owned()));
    }
}

//! Standard input: lines to messages.

use std::io::{self, Read};
use std::thread;

use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;

use crate::channel::{Gone, Sender};
use crate::limits;
use crate::message::{Message, ParseError, RpcError, request_id_of_fragments};
use crate::report::{Failure, Kind, Report};
use crate::transport::line::{Line, Lines, TooLong};

/// Reads until the end of the input, or until nobody wants more.
pub(crate) fn start(max_message: usize, messages: Sender, answers: Sender) -> io::Result<()> {
    let runtime = Handle::current();
    let reader = Reader { lines: Lines::new(max_message), max_message, messages, answers, runtime };
    thread::Builder::new().name("stdin".to_owned()).spawn(move || reader.run(io::stdin()))?;
    Ok(())
}

struct Reader {
    lines: Lines,
    max_message: usize,
    messages: Sender,
    // Where the answers to lines that are no messages go.
    answers: Sender,
    runtime: Handle,
}

impl Reader {
    fn run(mut self, input: io::Stdin) {
        let mut input = input.lock();
        let mut room = BytesMut::new();
        loop {
            room.resize(limits::READ_BYTES, 0);
            let read = match input.read(&mut room) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    tracing::debug!("standard input failed: {e}");
                    break;
                }
            };
            self.lines.push(room.split_to(read).freeze());
            while let Some(line) = self.lines.next_line() {
                if self.take(line).is_err() {
                    return;
                }
            }
        }
        if let Some(line) = self.lines.finish() {
            // At the end it makes no difference whether anybody is left.
            let _ = self.take(line);
        }
    }

    fn take(&self, line: Line) -> Result<(), Gone> {
        match line {
            Line::Whole(line) => self.message(line),
            Line::TooLong(line) => self.too_long(&line),
        }
    }

    fn message(&self, line: Bytes) -> Result<(), Gone> {
        let answer = match Message::parse(line) {
            Ok(message) => return self.messages.send_blocking(message, &self.runtime),
            Err(ParseError::NotJson(reason)) => RpcError::parse_error(&reason).answer(None),
            Err(ParseError::Invalid { id, reason }) => {
                RpcError::invalid_request(reason).answer(id.as_ref())
            }
        };
        tracing::warn!("the host sent a line that is no message");
        self.answers.send_blocking(answer, &self.runtime)
    }

    /// Fails that one message and no other (A5).
    fn too_long(&self, line: &TooLong) -> Result<(), Gone> {
        let report = Report::new("the message is too large")
            .cause(format!("it has {} bytes, and {} are allowed", line.len, self.max_message))
            .hint("raise the limit with `--max-message-size`");
        tracing::warn!("dropped a message of the host: {} bytes", line.len);
        let id = request_id_of_fragments(&line.head, &line.tail);
        let failure = Failure::new(Kind::TooLarge, report);
        let answer = RpcError::failed(&failure, None).answer(id.as_ref());
        self.answers.send_blocking(answer, &self.runtime)
    }
}

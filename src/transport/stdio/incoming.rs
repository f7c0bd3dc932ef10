//! What comes in on standard input: lines to messages.

use bytes::Bytes;

use crate::channel::Gone;
use crate::channel::Sender;
use crate::channel::WeakSender;
use crate::message::Message;
use crate::message::ParseError;
use crate::message::RpcError;
use crate::message::request_id_of_fragments;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::line::Line;
use crate::transport::line::Lines;
use crate::transport::line::TooLong;

/// The host's side of the conversation.
pub(crate) struct Incoming {
    lines: Lines,
    max_message: usize,
    messages: Sender,
    // Where the answers to lines that are no messages go. A read that cannot be stopped must not
    // keep the output open.
    answers: WeakSender,
    is_silent: bool,
}

impl Incoming {
    pub(crate) fn new(max_message: usize, messages: Sender, answers: WeakSender) -> Self {
        Self { lines: Lines::new(max_message), max_message, messages, answers, is_silent: true }
    }

    /// Takes the next bytes, and waits until there is room for the messages in them.
    pub(crate) async fn push(&mut self, chunk: Bytes) -> Result<(), Gone> {
        self.is_silent = false;
        self.lines.push(chunk);
        while let Some(line) = self.lines.next_line() {
            self.take(line).await?;
        }
        Ok(())
    }

    /// The input is over.
    pub(crate) async fn finish(mut self) {
        if self.is_silent {
            tracing::info!(
                "standard input has ended and nothing came; a container needs `-i` for it"
            );
        }
        if let Some(line) = self.lines.finish() {
            // At the end it makes no difference whether anybody is left.
            let _ = self.take(line).await;
        }
    }

    async fn take(&self, line: Line) -> Result<(), Gone> {
        match line {
            Line::Whole(line) => self.message(line).await,
            Line::TooLong(line) => self.too_long(&line).await,
        }
    }

    async fn message(&self, line: Bytes) -> Result<(), Gone> {
        let (error, ids) = match Message::parse(line) {
            Ok(message) => return self.messages.send(message).await,
            Err(ParseError::NotJson(reason)) => (RpcError::parse_error(&reason), Vec::new()),
            Err(ParseError::Invalid { ids, reason }) => (RpcError::invalid_request(reason), ids),
        };
        tracing::warn!("the host sent a line that is no message: {}", error.message());
        if ids.is_empty() {
            return self.answers.send(error.answer(None)).await;
        }
        for id in ids {
            self.answers.send(error.answer(Some(&id))).await?;
        }
        Ok(())
    }

    /// Fails that one message and no other (A5).
    async fn too_long(&self, line: &TooLong) -> Result<(), Gone> {
        let report = Report::new("the message is too large")
            .cause(format!("it has {} bytes, and {} are allowed", line.len, self.max_message))
            .hint("raise the limit with `--max-message-size`");
        tracing::warn!("dropped a message of the host: {} bytes", line.len);
        let id = request_id_of_fragments(&line.head, &line.tail);
        let failure = Failure::new(Kind::TooLarge, report);
        let answer = RpcError::failed(&failure, None).answer(id.as_ref());
        self.answers.send(answer).await
    }
}

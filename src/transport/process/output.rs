//! Standard output of a child: lines to messages. While nobody takes them it is not read, which
//! makes the child wait.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::sync::oneshot;

use crate::auth::Label;
use crate::channel::Gone;
use crate::channel::Sender;
use crate::limits;
use crate::message::Id;
use crate::message::Message;
use crate::message::RpcError;
use crate::message::response_id_of_fragments;
use crate::report;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::task::Aside;
use crate::transport::line::Line;
use crate::transport::line::Lines;
use crate::transport::line::TooLong;
use crate::transport::process::allowance::Allowance;
use crate::transport::process::census::Census;
use crate::transport::process::census::count;
use crate::transport::process::chunk;
use crate::transport::process::course::Course;
use crate::transport::process::course::Stage;

/// The child's side of the conversation.
pub(crate) struct Output {
    lines: Lines,
    max_message: usize,
    messages: Sender,
    noise: Allowance,
    has_spoken: bool,
    // It was told that the present line is too long.
    is_told: bool,
    census: Arc<Census>,
    label: Label,
}

/// Why no more messages will come.
enum End {
    /// The child wrote its last.
    Over,
    /// Nobody wants them.
    Unwanted,
    /// The child broke the rules.
    Fault(Failure),
}

/// What becomes known while the child is read.
enum News {
    /// Nobody wants its messages.
    Unwanted,
    /// It has ended.
    Gone,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Unwanted
    }
}

impl Output {
    pub(crate) fn new(
        max_message: usize,
        messages: Sender,
        census: Arc<Census>,
        label: Label,
    ) -> Self {
        let lines = Lines::new(max_message);
        let noise = Allowance::new();
        let (has_spoken, is_told) = (false, false);
        Self { lines, max_message, messages, noise, has_spoken, is_told, census, label }
    }

    /// Hands on what `stdout` says. Afterwards the channel closes, for the reason that `exit` gives
    /// unless this found another.
    pub(crate) async fn read(
        mut self,
        mut stdout: impl AsyncRead + Unpin,
        course: Arc<Course>,
        exit: oneshot::Receiver<Option<Failure>>,
    ) {
        let end = self.hand_on(&mut stdout, &course).await;
        self.tell_unlogged();
        match end {
            End::Over => {
                course.reach(Stage::Mute);
                if let Ok(Some(failure)) = exit.await {
                    // Who has said something did run.
                    let failure = if self.has_spoken { failure.in_doubt() } else { failure };
                    self.messages.fail(failure);
                }
                return;
            }
            End::Unwanted => course.reach(Stage::Unwanted),
            End::Fault(failure) => {
                self.messages.fail(failure);
                course.reach(Stage::Condemned);
            }
        }
        drop(self);
        discard(stdout, &course).await;
    }

    async fn hand_on(&mut self, stdout: &mut (impl AsyncRead + Unpin), course: &Course) -> End {
        let messages = self.messages.clone();
        let mut news = Aside::new(async {
            tokio::select! {
                biased;
                () = messages.gone() => News::Unwanted,
                () = course.reached(Stage::Gone) => News::Gone,
            }
        });
        let mut is_gone = false;
        let mut last_bytes = 0;
        while last_bytes < limits::LAST_BYTES {
            let chunk = tokio::select! {
                biased;
                news = &mut news, if !is_gone => match news {
                    News::Unwanted => return End::Unwanted,
                    News::Gone => {
                        is_gone = true;
                        continue;
                    }
                },
                chunk = chunk::next(stdout) => chunk,
                () = messages.gone(), if is_gone => return End::Unwanted,
                // Whoever has fled from the group may hold the pipe for ever.
                () = silence(), if is_gone => break,
            };
            let Ok(chunk) = chunk else { break };
            if chunk.is_empty() {
                break;
            }
            if course.stage() == Stage::Gone {
                last_bytes += chunk.len();
            }
            let noise = match self.take(chunk).await {
                Ok(noise) => noise,
                Err(end) => return end,
            };
            if noise > limits::NOISE_AT_ONCE && course.stage() != Stage::Gone {
                // Who babbles waits, so that nobody else does.
                let pause =
                    limits::NOISE_PAUSE.saturating_mul(u32::try_from(noise).unwrap_or(u32::MAX));
                tokio::select! {
                    () = messages.gone() => return End::Unwanted,
                    () = tokio::time::sleep(pause.min(limits::LONGEST_NOISE_PAUSE)) => {}
                }
            }
        }
        End::Over
    }

    /// Waits until there is room for the messages in `chunk`. How many lines in it were none.
    async fn take(&mut self, chunk: Bytes) -> Result<usize, End> {
        self.lines.push(chunk);
        let (mut lines, mut messages) = (0, Vec::new());
        let mut fault = None;
        while let Some(line) = self.lines.next_line() {
            lines += 1;
            if lines % limits::LINES_AT_ONCE == 0 {
                // A chunk can be of very many lines, and others want to run.
                tokio::task::yield_now().await;
            }
            match line {
                Line::Whole(line) => self.message(line, &mut messages),
                Line::TooLong(line) => {
                    fault = self.too_long(&line, &mut messages).err();
                    if fault.is_some() {
                        break;
                    }
                }
            }
        }
        self.tell_endless();
        let noise = lines.saturating_sub(messages.len());
        self.messages.send_all(&mut messages).await?;
        fault.map_or(Ok(noise), |failure| Err(End::Fault(failure)))
    }

    fn message(&mut self, line: Bytes, messages: &mut Vec<Message>) {
        match Message::parse(line.clone()) {
            Ok(message) => {
                self.has_spoken = true;
                message.split_into(messages);
            }
            Err(error) => {
                self.noise(&line);
                // Whoever waits for what this was meant to be must not wait for ever.
                messages.extend(answered_by(&line).map(|id| {
                    let report = Report::new("the server's answer is no valid message")
                        .cause(error.to_string());
                    RpcError::failed(&Failure::new(Kind::Protocol, report), None).answer(Some(&id))
                }));
            }
        }
    }

    /// Fails the one request that it answers.
    ///
    /// # Errors
    /// Nobody can tell which one that is, or it is no answer at all.
    fn too_long(&self, line: &TooLong, messages: &mut Vec<Message>) -> Result<(), Failure> {
        let cause = format!("it has {} bytes, and {} are allowed", line.len, self.max_message);
        let (session, peer) = (self.label.session(), self.label.peer());
        tracing::warn!(session, peer, "dropped a line of the server: {cause}");
        let failed = |error: &str| {
            let report = Report::new(error).cause(cause.clone());
            let report = report.hint("raise the limit with `--max-message-size`");
            Failure::new(Kind::TooLarge, report)
        };
        match response_id_of_fragments(&line.head, &line.tail) {
            Some(id) => {
                let failure = failed("the server's answer is too large");
                messages.push(RpcError::failed(&failure, None).answer(Some(&id)));
                Ok(())
            }
            None => Err(failed("a message of the server is too large")),
        }
    }

    /// The end of a line that is too long may never come.
    fn tell_endless(&mut self) {
        let is_over = self.lines.is_over_limit();
        if is_over && !self.is_told {
            let (session, peer, most) = (self.label.session(), self.label.peer(), self.max_message);
            tracing::warn!(session, peer, "the server writes a line of more than {most} bytes");
        }
        self.is_told = is_over;
    }

    fn noise(&mut self, line: &[u8]) {
        count(&self.census.noise_lines);
        let Some(unlogged) = self.noise.take() else {
            return count(&self.census.unlogged_lines);
        };
        warn_unlogged(&self.label, unlogged);
        let (session, peer) = (self.label.session(), self.label.peer());
        let text = report::peer_text(&String::from_utf8_lossy(line));
        tracing::warn!(session, peer, "the server wrote a line that is no message: {text}");
    }

    fn tell_unlogged(&mut self) {
        warn_unlogged(&self.label, self.noise.untold());
    }
}

fn warn_unlogged(label: &Label, lines: u64) {
    if lines > 0 {
        let (session, peer) = (label.session(), label.peer());
        tracing::warn!(session, peer, "the server wrote {lines} more lines that are no messages");
    }
}

/// The request that an unusable line would have answered.
fn answered_by(line: &[u8]) -> Option<Id> {
    let head = &line[..line.len().min(limits::LINE_EDGE_BYTES)];
    let tail = &line[line.len().saturating_sub(limits::LINE_EDGE_BYTES)..];
    response_id_of_fragments(head, tail)
}

async fn silence() {
    tokio::time::sleep(limits::LAST_WORDS).await;
}

/// Reads on, so that a child that has something to say before its end is not held up by it.
async fn discard(mut stdout: impl AsyncRead + Unpin, course: &Course) {
    let rest =
        async { while chunk::next(&mut stdout).await.is_ok_and(|chunk| !chunk.is_empty()) {} };
    tokio::select! {
        () = rest => {}
        () = course.reached(Stage::Gone) => {}
    }
}

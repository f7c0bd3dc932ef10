//! What a scripted MCP remote answers, step by step.

use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use http_body::Frame;
use http_body::SizeHint;
use tokio::sync::mpsc;

use crate::support::watched::Gate;

/// One response.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Waited for before the head is sent.
    pub(crate) hold: Option<Gate>,
    pub(crate) steps: Vec<Step>,
}

/// A part of a body.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// These bytes, in a chunk of their own.
    Bytes(Bytes),
    /// The answer that the remote would give by itself, as an event.
    Answer,
    /// Nothing until the gate is open.
    Wait(Gate),
    /// The connection (HTTP/2: the stream) breaks here.
    Cut,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), hold: None, steps: Vec::new() }
    }

    pub(crate) fn json(body: impl Into<String>) -> Self {
        Self::status(200).header("content-type", "application/json").body(body)
    }

    pub(crate) fn events(steps: impl IntoIterator<Item = Step>) -> Self {
        let head = Self::status(200).header("content-type", "text/event-stream");
        Self { steps: steps.into_iter().collect(), ..head }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(self, body: impl Into<String>) -> Self {
        Self { steps: vec![Step::Bytes(body.into().into())], ..self }
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The head waits, too.
    pub(crate) fn held_by(self, gate: &Gate) -> Self {
        Self { hold: Some(gate.clone()), ..self }
    }
}

impl Step {
    pub(crate) fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// One event with this data, which is one line.
    pub(crate) fn event(data: &str) -> Self {
        Self::bytes(format!("event: message\ndata: {data}\n\n"))
    }

    /// One event with an id.
    pub(crate) fn event_with_id(id: &str, data: &str) -> Self {
        Self::bytes(format!("event: message\nid: {id}\ndata: {data}\n\n"))
    }
}

/// The body that goes out.
pub(crate) enum Outgoing {
    Whole(Option<Bytes>),
    Chunks(mpsc::Receiver<Result<Bytes, Broken>>),
}

/// The body ends here without having ended.
#[derive(Debug, thiserror::Error)]
#[error("the script breaks the connection")]
pub(crate) struct Broken;

impl Outgoing {
    /// The bytes of all steps, if that is all there is to them.
    pub(crate) fn whole(steps: &[Step]) -> Option<Self> {
        let mut whole = Vec::new();
        for step in steps {
            let Step::Bytes(bytes) = step else { return None };
            whole.extend_from_slice(bytes);
        }
        Some(Self::Whole((!whole.is_empty()).then(|| whole.into())))
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let frame = |chunk: Result<Bytes, Broken>| chunk.map(Frame::data);
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Chunks(chunks) => chunks.poll_recv(cx).map(|chunk| chunk.map(frame)),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Chunks(_) => SizeHint::default(),
        }
    }
}

/// Walks `steps`; ends early if nobody takes the chunks.
pub(crate) async fn play(steps: Vec<Step>, out: &mpsc::Sender<Result<Bytes, Broken>>) {
    for step in steps {
        let chunk = match step {
            Step::Bytes(bytes) => Ok(bytes),
            Step::Cut => Err(Broken),
            Step::Wait(gate) => {
                gate.pass().await;
                continue;
            }
            Step::Answer => unreachable!("answers are filled in before"),
        };
        // Fails where the receiver is gone.
        if out.send(chunk).await.is_err() {
            return;
        }
    }
}

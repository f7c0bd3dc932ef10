//! The reply to a request: one body, or a stream over as many connections as it takes.

use crate::limits;
use crate::message::Message;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::transport::events::End;
use crate::transport::http::Body;
use crate::transport::http::ReadError;
use crate::transport::streamable_http::client::Trouble;
use crate::transport::streamable_http::exchange::Exchange;
use crate::transport::streamable_http::exchange::broken;
use crate::transport::streamable_http::exchange::protocol;
use crate::transport::streamable_http::reply::Shape;
use crate::transport::streamable_http::stream::Stream;

impl Exchange {
    pub(super) async fn json(&mut self, body: Body) -> Result<(), Trouble> {
        let limit = self.shared.settings.max_message;
        let bytes = body.read(limit).await.map_err(|e| self.unreadable(e))?;
        if bytes.is_empty() {
            return Err(protocol("the remote answered with an empty body"));
        }
        let message = Message::parse(bytes)
            .map_err(|e| protocol(format!("the remote's answer is no JSON-RPC message: {e}")))?;
        let mut messages = Vec::new();
        message.split_into(&mut messages);
        self.deliver(&mut messages).await;
        if self.answered {
            return Ok(());
        }
        Err(broken(
            "the remote answered another request".to_owned(),
            "check what stands before the server: a cache or a proxy may mix answers up",
        ))
    }

    pub(super) async fn stream(&mut self, body: Body) -> Result<(), Trouble> {
        let mut stream = Stream::new(body, self.shared.settings.max_message);
        let mut resumption = Resumption::default();
        let mut messages = Vec::new();
        while !self.answered {
            match stream.next(&mut messages).await {
                Ok(()) => {
                    resumption = Resumption::default();
                    self.deliver(&mut messages).await;
                }
                Err(End::TooLarge(limit)) => return Err(too_large(limit)),
                Err(end) => self.resume(&mut stream, &mut resumption, end).await?,
            }
        }
        self.rest = Some(stream);
        Ok(())
    }

    /// Goes on with a broken stream where that is possible: reading, never sending again.
    async fn resume(
        &self,
        stream: &mut Stream,
        resumption: &mut Resumption,
        end: End,
    ) -> Result<(), Trouble> {
        let cause = format!("no answer yet, and {end}");
        if self.flight.modern || stream.last_id().is_none() || !resumption.allows(stream.last_id())
        {
            return Err(self.unknown(cause));
        }
        // `initialize` names no session, but the head of its reply has.
        let mut pass = self.pass();
        pass.id = pass.id.or_else(|| self.session_id.clone());
        loop {
            tokio::time::sleep(stream.pause().unwrap_or(limits::EVENT_RECONNECT)).await;
            match self.shared.get(&pass, stream.last_id()).await {
                Ok(reply) if matches!(Shape::of(&reply), Shape::Stream) => {
                    stream.resume(reply.body);
                    return Ok(());
                }
                Ok(reply) => {
                    let status = reply.status;
                    return Err(
                        self.unknown(format!("{cause}; resuming it got HTTP status {status}"))
                    );
                }
                Err(failure) if !resumption.survives_failure() => {
                    return Err(self.unknown(format!("{cause}; {}", failure.report.error)));
                }
                Err(_) => {}
            }
        }
    }

    fn unreadable(&self, error: ReadError) -> Trouble {
        match error {
            ReadError::TooLarge(limit) => too_large(limit),
            ReadError::Broken(cause) => self.unknown(cause.to_string()),
        }
    }

    fn unknown(&self, cause: String) -> Trouble {
        Trouble::Failed(self.shared.http.outcome_unknown(cause))
    }
}

/// How often a stream may be resumed.
#[derive(Default)]
struct Resumption {
    failures: u32,
    fruitless: u32,
    last_id: Option<String>,
}

impl Resumption {
    /// Counts a resumption that brought nothing since the one before.
    fn allows(&mut self, last_id: Option<&str>) -> bool {
        if self.last_id.as_deref() != last_id {
            self.last_id = last_id.map(str::to_owned);
            self.fruitless = 0;
        }
        self.fruitless += 1;
        self.fruitless <= limits::FRUITLESS_RESUMPTIONS
    }

    fn survives_failure(&mut self) -> bool {
        self.failures += 1;
        self.failures < limits::FAILED_RESUMPTIONS
    }
}

fn too_large(limit: usize) -> Trouble {
    let report = Report::new("the answer is too large")
        .cause(format!("it has more than {limit} bytes"))
        .hint("raise the limit with `--max-message-size`");
    Trouble::Failed(Failure::new(Kind::TooLarge, report))
}

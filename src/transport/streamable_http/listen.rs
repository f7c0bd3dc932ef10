//! The GET stream of a legacy session: what the server says of its own accord (A32).

use std::sync::Arc;

use http::StatusCode;

use crate::retry::Backoff;
use crate::transport::http::Reply;
use crate::transport::streamable_http::recovery;
use crate::transport::streamable_http::reply::Shape;
use crate::transport::streamable_http::session::Pass;
use crate::transport::streamable_http::shared::Shared;
use crate::transport::streamable_http::stream::Stream;

/// What to do after one connection.
enum Next {
    /// The server has no such stream, or does not want us.
    End,
    /// The session is gone.
    Lost,
    /// Connect again.
    Reconnect,
}

/// Keeps the stream of one session open until the session is replaced or the server has none.
pub(crate) async fn run(shared: Arc<Shared>) {
    let pass = shared.session.pass();
    let mut listening = Listening { shared, pass, stream: None, backoff: Backoff::default() };
    loop {
        match listening.once().await {
            Next::End => return,
            Next::Lost => {
                let generation = listening.pass.generation;
                if listening.shared.settings.reinitialize {
                    // Wakes the client, which opens the stream of the new session.
                    recovery::replace_session(&listening.shared, generation).await;
                }
                return;
            }
            Next::Reconnect => listening.pause().await,
        }
    }
}

struct Listening {
    shared: Arc<Shared>,
    pass: Pass,
    stream: Option<Stream>,
    backoff: Backoff,
}

impl Listening {
    async fn once(&mut self) -> Next {
        let last_id = self.stream.as_ref().and_then(Stream::last_id);
        let Ok(reply) = self.shared.get(&self.pass, last_id).await else { return Next::Reconnect };
        if !matches!(Shape::of(&reply), Shape::Stream) {
            return self.refused(&reply);
        }
        match &mut self.stream {
            Some(stream) => stream.resume(reply.body),
            None => self.stream = Some(Stream::new(reply.body, self.shared.settings.max_message)),
        }
        self.forward().await
    }

    /// Forwards until the connection ends.
    async fn forward(&mut self) -> Next {
        let Some(stream) = &mut self.stream else { return Next::End };
        let mut messages = Vec::new();
        while stream.next(&mut messages).await.is_ok() {
            self.backoff.reset();
            if self.shared.host.send_all(&mut messages).await.is_err() {
                return Next::End;
            }
        }
        Next::Reconnect
    }

    /// 405 means that there is no such stream; some servers say 404 or 406 instead, so 404 is a
    /// lost session only where there was a stream before.
    fn refused(&self, reply: &Reply) -> Next {
        match reply.status {
            StatusCode::NOT_FOUND if self.stream.is_some() => Next::Lost,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Next::Reconnect,
            status if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => {
                Next::Reconnect
            }
            _ => Next::End,
        }
    }

    async fn pause(&mut self) {
        let asked = self.stream.as_ref().and_then(Stream::pause);
        tokio::time::sleep(self.backoff.next(asked)).await;
    }
}

//! The shared server is the far end of a channel; no process is involved.

mod bounds;
mod clients;
mod interleaved;
mod server;

use std::time::Duration;

use bytes::Bytes;

use crate::adapt::Era;
use crate::adapt::mux::Mux;
use crate::adapt::mux::MuxSender;
use crate::adapt::mux::Settings;
use crate::channel::Channel;
use crate::channel::Receiver;
use crate::limits;
use crate::message::Message;

/// Next to nothing, where something has to take longer than something else.
const MOMENT: Duration = Duration::from_millis(1);

/// A shared server: the mux, and the server's end of its channel.
fn share(era: Era) -> (Mux, Server) {
    let (near, far) = Channel::pair();
    let mux = Mux::new(near, Settings { era, cancel_on_leave: true });
    (mux, Server(far))
}

/// A message with these members, after the one that all messages have.
fn message(members: &str) -> Message {
    let text = format!(r#"{{"jsonrpc":"2.0",{members}}}"#);
    Message::parse(Bytes::from(text)).unwrap()
}

/// The members of a message, without the one that all messages have.
fn members(message: &Message) -> String {
    let text = std::str::from_utf8(message.bytes()).unwrap();
    let inside = text.strip_prefix(r#"{"jsonrpc":"2.0","#).expect(text);
    inside.strip_suffix('}').unwrap().to_owned()
}

/// The next message, as its members.
async fn next(receiver: &mut Receiver) -> String {
    members(&taken(receiver).await.expect("a message"))
}

/// What comes next, if anything does before the test has failed.
async fn taken(receiver: &mut Receiver) -> Option<Message> {
    let limit = limits::STALLED_CLIENT * 3;
    tokio::time::timeout(limit, receiver.recv()).await.expect("a message or the end")
}

/// The server's end.
struct Server(Channel);

impl Server {
    async fn says(&self, members: &str) {
        self.0.sender.send(message(members)).await.unwrap();
    }

    async fn hears(&mut self) -> String {
        next(&mut self.0.receiver).await
    }

    /// The id of the next request, which has this method.
    async fn asked(&mut self, method: &str) -> String {
        let request = taken(&mut self.0.receiver).await.expect("a request");
        assert_eq!(request.request().expect("a request").1, method);
        request.request().unwrap().0.as_json().to_owned()
    }

    /// Nothing waits here, once all has come to rest.
    async fn hears_nothing(&mut self) {
        rest().await;
        let heard = tokio::time::timeout(Duration::ZERO, self.0.receiver.recv()).await;
        assert!(heard.is_err(), "{heard:?}");
    }
}

/// A client.
struct Client {
    sender: MuxSender,
    receiver: Receiver,
}

impl Client {
    fn of(mux: &Mux) -> Self {
        let (sender, receiver) = mux.join().unwrap();
        Self { sender, receiver }
    }

    async fn says(&self, members: &str) {
        self.sender.send(message(members)).await.unwrap();
    }

    async fn hears(&mut self) -> String {
        next(&mut self.receiver).await
    }

    /// Nothing waits here, once all has come to rest.
    async fn hears_nothing(&mut self) {
        rest().await;
        let heard = tokio::time::timeout(Duration::ZERO, self.receiver.recv()).await;
        assert!(heard.is_err(), "{heard:?}");
    }
}

/// Runs `future` on another thread, where there are several.
fn aside(future: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    #[allow(clippy::disallowed_methods, reason = "what fails there has to fail the test")]
    tokio::spawn(future)
}

/// Lets every task do what it can.
async fn rest() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

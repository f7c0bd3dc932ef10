//! A limit on how long a server may take to answer.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio::time::sleep_until;
use tokio::time::timeout;

use crate::auth::Label;
use crate::channel::Channel;
use crate::channel::Receiver;
use crate::channel::Sender;
use crate::channel::WeakSender;
use crate::limits;
use crate::message::Id;
use crate::message::Kind as MessageKind;
use crate::message::Message;
use crate::message::Method;
use crate::message::RpcError;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::Report;
use crate::report::peer_text;
use crate::task::Tasks;

/// `server` as a channel on which each request is answered within `limit`, by an error of ours if need
/// be; the server is told then that nobody waits any more. Progress does not make it longer. `label`
/// names the conversation in the log.
pub fn limited(server: Channel, limit: Duration, label: Label, tasks: &Tasks) -> Channel {
    let (near, far) = Channel::pair();
    tasks.spawn(carry(far, server, limit, label));
    near
}

async fn carry(client: Channel, server: Channel, limit: Duration, label: Label) {
    let Channel { sender: to_client, receiver: from_client } = client;
    let Channel { sender: to_server, receiver: from_server } = server;
    let open = Open::default();
    let late = Late {
        open: &open,
        limit,
        label,
        to_client: to_client.clone(),
        to_server: to_server.downgrade(),
    };
    tokio::select! {
        () = up(&open, limit, from_client, to_server) => {}
        () = down(&open, from_server, &to_client) => {}
        () = late.run() => {}
        () = to_client.gone() => {}
    }
}

/// Client to server. Never ends: what was asked may still be answered.
async fn up(open: &Open, limit: Duration, mut from: Receiver, to: Sender) {
    while let Some(message) = from.recv().await {
        open.note(&message, limit);
        if to.send(message).await.is_err() {
            break;
        }
    }
    drop(to);
    std::future::pending().await
}

/// Server to client. Ends with the server.
async fn down(open: &Open, mut from: Receiver, to: &Sender) {
    let mut messages = Vec::new();
    while from.recv_all(&mut messages).await {
        messages.iter().for_each(|message| open.settle(message));
        if to.send_all(&mut messages).await.is_err() {
            return;
        }
    }
    if let Some(reason) = from.reason() {
        to.fail(reason.clone());
    }
}

/// Sees to what is due.
struct Late<'a> {
    open: &'a Open,
    limit: Duration,
    label: Label,
    to_client: Sender,
    to_server: WeakSender,
}

impl Late<'_> {
    async fn run(self) {
        loop {
            match self.open.first_due() {
                None => self.open.more.notified().await,
                Some(due) => {
                    sleep_until(due).await;
                    for request in self.open.expired() {
                        self.fail(&request).await;
                    }
                }
            }
        }
    }

    async fn fail(&self, Request { id, method, .. }: &Request) {
        let limit = self.limit;
        let (session, peer) = (self.label.session(), self.label.peer());
        let name = peer_text(method);
        tracing::warn!(session, peer, "the server did not answer `{name}` within {limit:?}");
        let report = Report::new("the server did not answer in time")
            .cause(format!("no answer came within {limit:?}"))
            .hint("the operator of the server can raise `--request-timeout`");
        let failure = Failure::new(Kind::Timeout, report);
        // Nobody may be there any more.
        let _ =
            self.to_client.send(RpcError::failed(&failure, Some(method)).answer(Some(id))).await;
        // The specification does not allow `initialize` to be cancelled.
        if let Some(message) = cancellation(id).filter(|_| &**method != "initialize") {
            // A server that stands still takes nothing.
            let _ = timeout(limits::FLUSH_TIMEOUT, self.to_server.send(message)).await;
        }
    }
}

fn cancellation(id: &Id) -> Option<Message> {
    let id = id.as_json();
    let text = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id},"reason":"it took too long"}}}}"#
    );
    Message::parse(Bytes::from(text)).ok()
}

/// The requests that wait for their answer.
#[derive(Default)]
struct Open {
    book: Mutex<Book>,
    /// There is one where there was none.
    more: Notify,
}

#[derive(Default)]
struct Book {
    last: u64,
    // In the order in which they are due: all have the same time.
    requests: BTreeMap<u64, Request>,
    numbers: HashMap<Id, u64>,
}

struct Request {
    id: Id,
    method: Method,
    due: Instant,
}

impl Open {
    fn note(&self, message: &Message, limit: Duration) {
        let mut book = self.lock();
        if let Some(id) = message.cancelled_request() {
            book.remove(&id);
        }
        for head in message.heads() {
            // A subscription is meant to be open (2026-07-28, "Subscriptions").
            if let MessageKind::Request { id, method } = &head.kind
                && &**method != "subscriptions/listen"
            {
                let due = Instant::now() + limit;
                book.add(Request { id: id.clone(), method: method.clone(), due });
                self.more.notify_one();
            }
        }
    }

    fn settle(&self, message: &Message) {
        if let Some(id) = message.head().and_then(|head| head.response_id()) {
            self.lock().remove(id);
        }
    }

    fn first_due(&self) -> Option<Instant> {
        Some(self.lock().requests.first_key_value()?.1.due)
    }

    fn expired(&self) -> Vec<Request> {
        let (mut book, now) = (self.lock(), Instant::now());
        let due = book.requests.values().take_while(|request| request.due <= now);
        let due: Vec<Id> = due.map(|request| request.id.clone()).collect();
        due.iter().filter_map(|id| book.remove(id)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn add(&mut self, request: Request) {
        self.last += 1;
        if let Some(before) = self.numbers.insert(request.id.clone(), self.last) {
            self.requests.remove(&before);
        }
        self.requests.insert(self.last, request);
    }

    fn remove(&mut self, id: &Id) -> Option<Request> {
        self.requests.remove(&self.numbers.remove(id)?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use tokio::time::timeout;

    use super::limited;
    use crate::auth::Label;
    use crate::channel::Channel;
    use crate::message::Message;
    use crate::report::Failure;
    use crate::report::Kind;
    use crate::report::Report;
    use crate::task::Tasks;

    const LIMIT: Duration = Duration::from_secs(60);

    fn message(text: &str) -> Message {
        Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    fn request(id: u32, method: &str) -> Message {
        message(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#))
    }

    fn answer(id: u32) -> Message {
        message(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#))
    }

    fn text(message: &Message) -> &str {
        str::from_utf8(message.bytes()).unwrap()
    }

    fn pair(tasks: &Tasks) -> (Channel, Channel) {
        let (near, server) = Channel::pair();
        (limited(near, LIMIT, Label::from("test"), tasks), server)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_late_is_answered_and_cancelled_and_the_rest_goes_on() {
        let tasks = Tasks::new();
        let (mut client, mut server) = pair(&tasks);
        for (id, method) in [(1, "tools/call"), (2, "tools/call"), (3, "subscriptions/listen")] {
            client.sender.send(request(id, method)).await.unwrap();
            server.receiver.recv().await.unwrap();
        }
        server.sender.send(answer(2)).await.unwrap();
        assert_eq!(text(&client.receiver.recv().await.unwrap()), text(&answer(2)));
        tokio::time::sleep(LIMIT / 2).await;
        client.sender.send(request(4, "ping")).await.unwrap();
        assert!(text(&server.receiver.recv().await.unwrap()).contains("ping"));
        let late = client.receiver.recv().await.unwrap();
        assert!(text(&late).contains(r#""id":1,"#) && text(&late).contains(r#""kind":"timeout""#));
        let told = server.receiver.recv().await.unwrap();
        assert!(text(&told).contains("notifications/cancelled"), "{}", text(&told));
        assert!(text(&told).contains(r#""requestId":1,"#), "{}", text(&told));
        // It has its own time.
        let early = timeout(LIMIT / 3, client.receiver.recv()).await;
        assert!(early.is_err());
        server.sender.send(answer(4)).await.unwrap();
        assert_eq!(text(&client.receiver.recv().await.unwrap()), text(&answer(4)));
        assert!(timeout(10 * LIMIT, client.receiver.recv()).await.is_err(), "nothing is left");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_client_cancels_is_not_answered_and_initialize_is_not_cancelled() {
        let tasks = Tasks::new();
        let (mut client, mut server) = pair(&tasks);
        let cancel =
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
        for sent in [request(1, "tools/call"), message(cancel), request(2, "initialize")] {
            client.sender.send(sent).await.unwrap();
            server.receiver.recv().await.unwrap();
        }
        assert!(text(&client.receiver.recv().await.unwrap()).contains(r#""id":2,"#));
        assert!(timeout(10 * LIMIT, client.receiver.recv()).await.is_err());
        assert!(timeout(LIMIT, server.receiver.recv()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn each_end_hears_of_the_end_of_the_other() {
        let tasks = Tasks::new();
        let (client, mut server) = pair(&tasks);
        let Channel { sender, mut receiver } = client;
        sender.send(request(1, "tools/call")).await.unwrap();
        drop(sender);
        server.receiver.recv().await.unwrap();
        assert!(server.receiver.recv().await.is_none(), "nothing more will come");
        server.sender.send(answer(1)).await.unwrap();
        assert!(receiver.recv().await.is_some(), "what was asked is answered");
        server.sender.fail(Failure::new(Kind::OutcomeUnknown, Report::new("it ended")));
        drop(server);
        assert!(receiver.recv().await.is_none());
        assert_eq!(receiver.reason().unwrap().report.error, "it ended");

        let (client, server) = pair(&tasks);
        drop(client);
        server.sender.gone().await;
        tasks.finished().await;
    }
}

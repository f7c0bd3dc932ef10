//! A session with a child that is initialized already.

use bytes::Bytes;

use crate::channel::Channel;
use crate::channel::Receiver;
use crate::channel::Sender;
use crate::message::Id;
use crate::message::Message;

/// Carries messages between a client and its part of a shared child until one of them ends. The
/// client's `initialize` is answered with what the child said to ours, and its
/// `notifications/initialized` goes no further.
pub(super) async fn run(client: Channel, server: Channel, welcome: Message) {
    let Channel { sender: to_client, receiver: mut from_client } = client;
    let Channel { sender: to_server, receiver: mut from_server } = server;
    let up = up(&mut from_client, to_server, &to_client, &welcome);
    let down = down(&mut from_server, &to_client);
    tokio::pin!(down);
    tokio::select! {
        () = up => {}
        () = &mut down => return,
        () = to_client.gone() => return,
    }
    // What the client has asked is still answered.
    tokio::select! {
        () = down => {}
        () = to_client.gone() => {}
    }
}

/// Client to server, which hears the end of the client's messages by the drop of `to`.
async fn up(from: &mut Receiver, to: Sender, client: &Sender, welcome: &Message) {
    while let Some(message) = from.recv().await {
        let sent = match message.head().and_then(|head| head.method()) {
            Some("initialize") => match message.request() {
                Some((id, _)) => client.send(answer(welcome, id)).await,
                None => Ok(()),
            },
            Some("notifications/initialized") => Ok(()),
            _ => to.send(message).await,
        };
        if sent.is_err() {
            // The other direction says why.
            return std::future::pending().await;
        }
    }
}

async fn down(from: &mut Receiver, to: &Sender) {
    let mut messages = Vec::new();
    while from.recv_all(&mut messages).await {
        if to.send_all(&mut messages).await.is_err() {
            return;
        }
    }
    if let Some(reason) = from.reason() {
        to.fail(reason.clone());
    }
}

/// The welcome, as the answer to the request with this id.
fn answer(welcome: &Message, id: &Id) -> Message {
    let result = welcome.head().map(|head| welcome.payload(head)).unwrap_or_default();
    let start = format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":", id.as_json());
    let text = Bytes::from([start.as_bytes(), result, b"}"].concat());
    // Both parts were parsed before.
    Message::parse(text).unwrap_or_else(|_| welcome.clone())
}

//! The server of the demonstration on standard input and output: something that `serve` can start
//! where there is no other MCP server.

use std::future::Future;

use bytes::Bytes;

use crate::channel::Channel;
use crate::channel::Gone;
use crate::channel::Sender;
use crate::command::demo::tools;
use crate::command::demo::tools::Answer;
use crate::command::signals::Signals;
use crate::limits;
use crate::message::Message;
use crate::report::Report;
use crate::task::Tasks;
use crate::transport::stdio;

/// Answers until the end of input, or a signal.
///
/// # Errors
/// Standard input and output cannot be used.
pub async fn serve() -> Result<(), Report> {
    let failed = |cause: String| Report::new("cannot use standard input and output").cause(cause);
    let signals = Signals::listen_also_to_hangups()?;
    let tasks = Tasks::new();
    let client = stdio::open(limits::DEMO_MESSAGE_BYTES, &tasks);
    let client = client.map_err(|error| failed(error.to_string()))?;
    signals.run(|stop| answer_until(stop, client.channel)).await;
    match tokio::time::timeout(limits::FLUSH_TIMEOUT, client.written).await {
        Ok(Ok(Err(error))) => Err(failed(error.to_string())),
        _ => Ok(()),
    }
}

async fn answer_until(stop: impl Future<Output = ()>, client: Channel) {
    tokio::select! {
        () = stop => {}
        // A client that is gone has asked for its last answer.
        _ = answer_all(client) => {}
    }
}

async fn answer_all(mut client: Channel) -> Result<(), Gone> {
    while let Some(message) = client.receiver.recv().await {
        for message in message.split() {
            if let Some((id, method)) = message.request() {
                answer(tools::answer(&message, id, method), &client.sender).await?;
            }
        }
    }
    Ok(())
}

async fn answer(answer: Answer, client: &Sender) -> Result<(), Gone> {
    match answer {
        Answer::Whole(bytes) => send(bytes, client).await,
        Answer::Counting(mut counting) => {
            while let Some(messages) = counting.next().await {
                for bytes in messages {
                    send(bytes, client).await?;
                }
            }
            Ok(())
        }
    }
}

async fn send(bytes: Bytes, client: &Sender) -> Result<(), Gone> {
    match Message::parse(bytes) {
        Ok(message) => client.send(message).await,
        // What we write is a message.
        Err(_) => Ok(()),
    }
}

//! Standard output: messages to lines.

use std::io::{self, Write};
use std::thread;

use tokio::sync::oneshot;

use crate::channel::Receiver;
use crate::limits;
use crate::message::Message;

/// Writes until nothing more will come, or nobody reads. Dropping the receiver tells the senders.
pub(crate) fn start(messages: Receiver, done: oneshot::Sender<()>) -> io::Result<()> {
    let spawned = thread::Builder::new().name("stdout".to_owned()).spawn(move || {
        if let Err(e) = write_all(messages) {
            tracing::debug!("standard output failed: {e}");
        }
        // Nobody waits any more if the other end is gone.
        let _ = done.send(());
    });
    spawned.map(drop)
}

fn write_all(mut messages: Receiver) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let mut lines = Vec::new();
    while let Some(message) = messages.recv_blocking() {
        let mut next = Some(message);
        while let Some(message) = next {
            put(&mut output, &mut lines, &message)?;
            next = messages.try_recv();
        }
        output.write_all(&lines)?;
        output.flush()?;
        lines.clear();
    }
    Ok(())
}

/// Small messages are gathered, so that a burst costs one system call; a large one goes out as it
/// is.
fn put(output: &mut impl Write, lines: &mut Vec<u8>, message: &Message) -> io::Result<()> {
    let bytes = message.bytes();
    if lines.len() + bytes.len() > limits::WRITE_BYTES {
        output.write_all(lines)?;
        lines.clear();
    }
    if bytes.len() > limits::WRITE_BYTES {
        output.write_all(bytes)?;
    } else {
        lines.extend_from_slice(bytes);
    }
    lines.push(b'\n');
    Ok(())
}

//! Our own standard input and output: the host, one message a line (specification, "stdio").
//!
//! Each side has a plain thread: reading standard input cannot be stopped, and a host that does not
//! read must not stop anything but its own output.

mod reader;
mod writer;

use tokio::sync::oneshot;

use crate::channel::{self, Channel};

/// The host, and the end of what is written to it.
pub struct Stdio {
    /// The conversation.
    pub channel: Channel,
    /// Completes when all that was sent is written, or nobody reads it any more.
    pub written: oneshot::Receiver<()>,
}

/// Takes over standard input and output. Lines that are no messages are answered right here.
///
/// # Errors
/// The threads cannot be started.
pub fn open(max_message: usize) -> std::io::Result<Stdio> {
    let (to_host, outgoing) = channel::queue();
    let (incoming, from_host) = channel::queue();
    let (done, written) = oneshot::channel();
    writer::start(outgoing, done)?;
    reader::start(max_message, incoming, to_host.clone())?;
    let channel = Channel { sender: to_host, receiver: from_host };
    Ok(Stdio { channel, written })
}

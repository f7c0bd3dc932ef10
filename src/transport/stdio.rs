//! Our own standard input and output: the host, one message a line (specification, "stdio").

mod incoming;
#[cfg(unix)]
mod nonblocking;
#[cfg(unix)]
mod polled;
mod threads;

use std::io;

use tokio::sync::oneshot;

use crate::channel;
use crate::channel::Channel;
use crate::channel::Receiver;
use crate::task::Tasks;
use crate::transport::stdio::incoming::Incoming;

/// The host, and the end of what is written to it.
pub struct Stdio {
    /// The conversation.
    pub channel: Channel,
    /// Completes when all that was sent is written, or with the error that kept it from that. That
    /// nobody reads any more is none where nothing was to be written.
    pub written: oneshot::Receiver<io::Result<()>>,
}

/// Takes over standard input and output. Lines that are no messages are answered right here.
///
/// # Errors
/// A thread cannot be started.
pub fn open(max_message: usize, tasks: &Tasks) -> io::Result<Stdio> {
    let (to_host, outgoing) = channel::queue();
    let (messages, from_host) = channel::queue();
    let (done, written) = oneshot::channel();
    read(Incoming::new(max_message, messages, to_host.downgrade()), tasks)?;
    write(outgoing, done, tasks)?;
    let channel = Channel { sender: to_host, receiver: from_host };
    Ok(Stdio { channel, written })
}

#[cfg(unix)]
fn read(incoming: Incoming, tasks: &Tasks) -> io::Result<()> {
    match polled::input() {
        Ok(input) => {
            polled::read(input, incoming, tasks);
            Ok(())
        }
        // A file, for example.
        Err(_) => threads::read(incoming),
    }
}

#[cfg(unix)]
fn write(
    messages: Receiver,
    done: oneshot::Sender<io::Result<()>>,
    tasks: &Tasks,
) -> io::Result<()> {
    match polled::output() {
        Ok(output) => {
            polled::write(output, messages, done, tasks);
            Ok(())
        }
        Err(_) => threads::write(messages, done),
    }
}

#[cfg(not(unix))]
fn read(incoming: Incoming, _: &Tasks) -> io::Result<()> {
    threads::read(incoming)
}

#[cfg(not(unix))]
fn write(messages: Receiver, done: oneshot::Sender<io::Result<()>>, _: &Tasks) -> io::Result<()> {
    threads::write(messages, done)
}

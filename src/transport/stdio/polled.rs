//! Standard input and output of a Unix pipe or socket, on the thread that does everything else: a
//! message costs no switch to another thread.

use std::fs::File;
use std::io;
use std::io::ErrorKind;
use std::io::IsTerminal;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use rustix::event::PollFlags;
use tokio::io::Interest;
use tokio::io::Ready;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use crate::channel::Receiver;
use crate::limits;
use crate::task::Tasks;
use crate::transport::bundle::Bundle;
use crate::transport::stdio::incoming::Incoming;
use crate::transport::stdio::nonblocking;

/// Standard input, if it can be polled.
pub(crate) fn input() -> io::Result<AsyncFd<File>> {
    open(io::stdin().as_fd(), Interest::READABLE)
}

/// Standard output, if it can be polled.
pub(crate) fn output() -> io::Result<AsyncFd<File>> {
    open(io::stdout().as_fd(), Interest::WRITABLE)
}

/// Reads until the end of the input, or until nobody wants more.
pub(crate) fn read(input: AsyncFd<File>, mut incoming: Incoming, tasks: &Tasks) {
    tasks.spawn(async move {
        let mut room = vec![0; limits::READ_BYTES];
        // A terminal gives a line for each read, however many there are.
        let gives_all = !input.get_ref().is_terminal();
        loop {
            match next_chunk(&input, gives_all, &mut room).await {
                Ok(chunk) if chunk.is_empty() => break,
                Ok(chunk) => {
                    if incoming.push(chunk).await.is_err() {
                        return;
                    }
                }
                Err(e) => {
                    tracing::warn!("standard input failed: {e}");
                    break;
                }
            }
        }
        incoming.finish().await;
    });
}

/// Writes until nothing more will come, or nobody reads. Dropping the receiver tells the senders.
pub(crate) fn write(
    output: AsyncFd<File>,
    mut messages: Receiver,
    done: oneshot::Sender<io::Result<()>>,
    tasks: &Tasks,
) {
    tasks.spawn(async move {
        let writing_large = AtomicBool::new(false);
        let written = tokio::select! {
            // A write knows more: whether something is lost.
            biased;
            written = write_all(&output, &mut messages, &writing_large) => written,
            () = closed(&output) => match writing_large.load(Relaxed) {
                true => Err(ErrorKind::BrokenPipe.into()),
                false => Ok(()),
            },
        };
        tracing::debug!("standard output has ended: {written:?}");
        drop(messages);
        // Nobody waits any more if the other end is gone.
        let _ = done.send(written);
    });
}

#[expect(
    deprecated,
    reason = "a `File` owns its descriptor and keeps it, as is asked for; the new name is unsafe"
)]
fn open(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<AsyncFd<File>> {
    AsyncFd::with_interest(File::from(fd.try_clone_to_owned()?), interest)
}

/// The next bytes; none at the end.
async fn next_chunk(input: &AsyncFd<File>, gives_all: bool, room: &mut [u8]) -> io::Result<Bytes> {
    loop {
        let mut ready = input.readable().await?;
        match nonblocking::read(input.get_ref(), room) {
            Ok(Some(read)) => {
                if gives_all && read < room.len() {
                    // It took all that was there: what comes from now on is told anew.
                    ready.clear_ready();
                }
                // A message is small mostly: copying it costs less than another room.
                return Ok(Bytes::copy_from_slice(&room[..read]));
            }
            Ok(None) => ready.clear_ready(),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

async fn write_all(
    output: &AsyncFd<File>,
    messages: &mut Receiver,
    writing_large: &AtomicBool,
) -> io::Result<()> {
    let mut bundle = Bundle::default();
    while bundle.next(messages).await.is_some() {
        let mut rest = &bundle.small[..];
        while !rest.is_empty() {
            let written = write_some(output, rest).await?;
            rest = &rest[written..];
        }
        if let Some(large) = bundle.large.take() {
            writing_large.store(true, Relaxed);
            write_large(output, large).await?;
            writing_large.store(false, Relaxed);
        }
    }
    Ok(())
}

/// Writes the first of `lines` as soon as that does not block; how many bytes went.
async fn write_some(output: &AsyncFd<File>, lines: &[u8]) -> io::Result<usize> {
    loop {
        match nonblocking::write(output.get_ref(), lines) {
            Ok(Some(written)) => return Ok(written),
            Ok(None) => {
                let mut ready = output.writable().await?;
                if !nonblocking::is_ready(output.get_ref(), PollFlags::OUT)? {
                    ready.clear_ready();
                }
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Writes a large line on a thread that may block: one call in place of thousands.
async fn write_large(output: &AsyncFd<File>, line: Bytes) -> io::Result<()> {
    let mut file = output.get_ref().try_clone()?;
    let written = tokio::task::spawn_blocking(move || {
        file.write_all(&line)?;
        drop(line);
        file.write_all(b"\n")
    });
    written.await.map_err(io::Error::other)?
}

/// Waits until nobody can read any more, also while there is nothing to write.
async fn closed(output: &AsyncFd<File>) {
    // An error here shows at the next write.
    while let Ok(mut ready) = output.ready(Interest::WRITABLE).await {
        if ready.ready().is_write_closed() {
            return;
        }
        ready.clear_ready_matching(Ready::WRITABLE);
    }
    std::future::pending().await
}

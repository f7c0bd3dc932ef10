//! Standard input and output of a Unix pipe or socket, on the thread that does everything else: a
//! message costs no switch to another thread.
//!
//! The descriptors stay blocking, since others may hold them too. So each read and each write comes
//! after a poll that says it will not block: a read takes what is there, and to a pipe that is
//! writable `PIPE_BUF` bytes can be written (POSIX, "pipe").

use std::fs::File;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::io::{self};
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use bytes::Bytes;
use bytes::BytesMut;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::poll;
use rustix::pipe::PIPE_BUF;
use tokio::io::Interest;
use tokio::io::Ready;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use crate::channel::Receiver;
use crate::limits;
use crate::task::Tasks;
use crate::transport::stdio::incoming::Incoming;
use crate::transport::stdio::outgoing::Batch;

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
        let mut room = BytesMut::new();
        loop {
            match next_chunk(&input, &mut room).await {
                Ok(chunk) if chunk.is_empty() => break,
                Ok(chunk) => {
                    if incoming.push(chunk).await.is_err() {
                        return;
                    }
                }
                Err(e) => {
                    tracing::debug!("standard input failed: {e}");
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
    done: oneshot::Sender<()>,
    tasks: &Tasks,
) {
    tasks.spawn(async move {
        let written = tokio::select! {
            written = write_all(&output, &mut messages) => written,
            () = closed(&output) => Err(ErrorKind::BrokenPipe.into()),
        };
        if let Err(e) = written {
            tracing::debug!("standard output failed: {e}");
        }
        drop(messages);
        // Nobody waits any more if the other end is gone.
        let _ = done.send(());
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
async fn next_chunk(input: &AsyncFd<File>, room: &mut BytesMut) -> io::Result<Bytes> {
    loop {
        let mut ready = input.readable().await?;
        if !is_ready(input, PollFlags::IN)? {
            ready.clear_ready();
            continue;
        }
        room.resize(limits::READ_BYTES, 0);
        match input.get_ref().read(room) {
            Ok(read) => {
                if read < limits::READ_BYTES {
                    // It took all that was there: what comes from now on is told anew.
                    ready.clear_ready();
                }
                return Ok(room.split_to(read).freeze());
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

async fn write_all(output: &AsyncFd<File>, messages: &mut Receiver) -> io::Result<()> {
    let mut batch = Batch::default();
    while batch.next(messages).await.is_some() {
        let mut rest = &batch.small[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(piece_len(rest));
            write_piece(output, piece).await?;
            rest = after;
        }
        if let Some(large) = batch.large.take() {
            write_large(output, large).await?;
        }
    }
    Ok(())
}

/// How much of some lines is written next: as many whole ones as `PIPE_BUF` bytes hold, since that
/// much goes into a pipe whole or not at all, and a program that has to end leaves no half line.
fn piece_len(lines: &[u8]) -> usize {
    let most = lines.len().min(PIPE_BUF);
    memchr::memrchr(b'\n', &lines[..most]).map_or(most, |end| end + 1)
}

/// Writes at most `PIPE_BUF` bytes as soon as that does not block.
async fn write_piece(output: &AsyncFd<File>, mut piece: &[u8]) -> io::Result<()> {
    while !piece.is_empty() {
        if !is_ready(output, PollFlags::OUT)? {
            let mut ready = output.writable().await?;
            if !is_ready(output, PollFlags::OUT)? {
                ready.clear_ready();
                continue;
            }
        }
        match output.get_ref().write(piece) {
            Ok(written) => piece = &piece[written..],
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
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

/// Whether a read or a write would not block. A hang-up or an error counts: the call says it.
fn is_ready(file: &AsyncFd<File>, flags: PollFlags) -> io::Result<bool> {
    let mut fds = [PollFd::new(file, flags)];
    loop {
        match poll(&mut fds, Some(&rustix::event::Timespec::default())) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::pipe::PIPE_BUF;

    use crate::transport::stdio::polled::piece_len;

    #[test]
    fn lines_are_written_whole_as_long_as_they_fit() {
        assert_eq!(piece_len(b"a\nb\n"), 4);
        let long = vec![b'x'; PIPE_BUF];
        assert_eq!(piece_len(&[b"a\n", &long[..], b"\n"].concat()), 2);
        assert_eq!(piece_len(&[&long[..], b"\na\n"].concat()), PIPE_BUF);
    }
}

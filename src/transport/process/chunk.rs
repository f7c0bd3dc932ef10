//! Reads from a pipe, without memory while nothing comes.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::io::ReadBuf;

use crate::limits;

/// The next bytes; none at the end. Cancel safe.
pub(crate) async fn next(pipe: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    poll_fn(|context| {
        // It lives for this look alone: very many idle children would hold very many of them.
        let mut room = [MaybeUninit::uninit(); limits::READ_BYTES];
        let mut room = ReadBuf::uninit(&mut room);
        match Pin::new(&mut *pipe).poll_read(context, &mut room) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(Bytes::copy_from_slice(room.filled()))),
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

//! Standard input and output by blocking calls on threads of their own: for files, for consoles
//! and for systems where a pipe cannot be polled.

use std::io;
use std::io::Read;
use std::io::Write;
use std::thread;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::channel::Receiver;
use crate::limits;
use crate::transport::bundle::Bundle;
use crate::transport::stdio::incoming::Incoming;

/// Reads until the end of the input, or until nobody wants more. Such a read cannot be stopped: the
/// thread ends with the process.
pub(crate) fn read(incoming: Incoming) -> io::Result<()> {
    let runtime = Handle::current();
    thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || read_all(incoming, &runtime))
        .map(drop)
}

/// Writes until nothing more will come, or nobody reads. Dropping the receiver tells the senders.
pub(crate) fn write(messages: Receiver, done: oneshot::Sender<io::Result<()>>) -> io::Result<()> {
    let runtime = Handle::current();
    let spawned = thread::Builder::new().name("stdout".to_owned()).spawn(move || {
        let written = write_all(messages, &runtime);
        // Nobody waits any more if the other end is gone.
        let _ = done.send(written);
    });
    spawned.map(drop)
}

fn read_all(mut incoming: Incoming, runtime: &Handle) {
    let mut input = io::stdin().lock();
    let mut room = vec![0; limits::READ_BYTES];
    loop {
        match input.read(&mut room) {
            Ok(0) => break,
            Ok(read) => {
                if runtime.block_on(incoming.push(Bytes::copy_from_slice(&room[..read]))).is_err() {
                    return;
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                tracing::warn!("standard input failed: {e}");
                break;
            }
        }
    }
    runtime.block_on(incoming.finish());
}

fn write_all(mut messages: Receiver, runtime: &Handle) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let mut bundle = Bundle::default();
    while runtime.block_on(bundle.next(&mut messages)).is_some() {
        output.write_all(&bundle.small)?;
        if let Some(large) = bundle.large.take() {
            output.write_all(&large)?;
            output.write_all(b"\n")?;
        }
        output.flush()?;
    }
    Ok(())
}

//! Handshakes and nothing else: what a connection costs at least.

use std::path::Path;

use tokio::io::AsyncReadExt;

use crate::front;
use crate::run::Fault;

/// Holds each connection until the client closes it.
pub(crate) fn run(folder: &Path) -> Result<(), Fault> {
    front::run(folder, |mut stream| async move {
        while stream.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {}
    })
}

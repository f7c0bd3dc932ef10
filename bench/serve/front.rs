//! What the servers of this program have in common: a socket, a loop, a task a connection.

use std::future::Future;
use std::io;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;

use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::files;
use crate::run::Fault;

/// Prints the address, then hands each connection to `serve` in a task of its own after the
/// handshake, on all cores, until the input ends.
pub(crate) fn run<F>(
    folder: &Path,
    serve: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
) -> Result<(), Fault>
where
    F: Future<Output = ()> + Send + 'static,
{
    let tls = files::acceptor(folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?);
        io::stdout().flush()?;
        // As a task, since the first future of a runtime is not run by its workers.
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let (tls, serve) = (tls.clone(), serve.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream).await;
                    }
                });
            }
        });
        // Nobody is left to ask once the input has ended.
        let (ended, end) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            drop(ended);
        });
        let _ = end.await;
        Ok(())
    })
}

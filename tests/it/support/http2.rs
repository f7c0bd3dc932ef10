//! A remote that follows a script in frames of HTTP/2.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::support::background::Background;
use crate::support::background::PanicNote;
use crate::support::watched::Watched;

/// One connection after its TLS handshake.
pub(crate) type Stream = TlsStream<TcpStream>;

/// A listener on a free port.
pub(crate) struct Http2Remote {
    address: SocketAddr,
    _background: Background,
}

impl Http2Remote {
    /// Runs `script` for each connection; the first one has the number 0.
    pub(crate) fn start<S, F>(acceptor: TlsAcceptor, script: S) -> Self
    where
        S: Fn(usize, Stream) -> F + Send + 'static,
        F: Future<Output = ()> + 'static,
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let background = Background::start(move |note| async move {
            LocalSet::new().run_until(accept(listener, acceptor, script, note)).await;
        });
        Self { address, _background: background }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/mcp", self.address.port())
    }
}

async fn accept<S, F>(
    listener: std::net::TcpListener,
    acceptor: TlsAcceptor,
    script: S,
    note: PanicNote,
) where
    S: Fn(usize, Stream) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::from_std(listener).unwrap();
    let script = Rc::new(script);
    for number in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, script, note) = (acceptor.clone(), Rc::clone(&script), note.clone());
        spawn_local(async move {
            let _note = note;
            // A handshake that fails is the bridge's to report.
            if let Ok(stream) = acceptor.accept(stream).await {
                script(number, stream).await;
            }
        });
    }
}

/// Gives each request to `answer`, by its number and its body: JSON to be sent, or the reason of a
/// reset.
pub(crate) async fn serve(
    stream: Stream,
    answer: impl Fn(usize, String) -> Result<String, h2::Reason>,
) {
    serve_few(stream, 100, answer).await;
}

/// The same for so many requests at a time.
pub(crate) async fn serve_few(
    stream: Stream,
    streams: u32,
    answer: impl Fn(usize, String) -> Result<String, h2::Reason>,
) {
    let mut connection = few(streams).handshake::<_, Bytes>(stream).await.unwrap();
    let mut number = 0;
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        // The body comes while the connection is driven.
        let mut body = request.into_body();
        let whole = async {
            let mut whole = Vec::new();
            while let Some(Ok(chunk)) = body.data().await {
                whole.extend_from_slice(&chunk);
            }
            whole
        };
        let whole = tokio::select! {
            whole = whole => whole,
            _ = std::future::poll_fn(|cx| connection.poll_closed(cx)) => return,
        };
        match answer(number, String::from_utf8(whole).unwrap()) {
            Err(reason) => respond.send_reset(reason),
            Ok(json) => {
                let head = Response::builder().header("content-type", "application/json");
                let mut out = respond.send_response(head.body(()).unwrap(), false).unwrap();
                out.send_data(Bytes::from(json), true).unwrap();
            }
        }
        number += 1;
    }
}

/// Takes so many requests at a time, counts them, and answers the first alone, which has the id 0.
pub(crate) async fn keep(stream: Stream, streams: u32, seen: Arc<Watched<usize>>) {
    let mut connection = few(streams).handshake::<_, Bytes>(stream).await.unwrap();
    let mut kept = Vec::new();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        if kept.is_empty() {
            let head = Response::builder().header("content-type", "application/json");
            let mut out = respond.send_response(head.body(()).unwrap(), false).unwrap();
            out.send_data(Bytes::from(r#"{"jsonrpc":"2.0","id":0,"result":{}}"#), true).unwrap();
        }
        kept.push((request, respond));
        seen.change(|seen| *seen += 1);
    }
}

fn few(streams: u32) -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(streams);
    builder
}

/// Reads one whole request by hand, then says goodbye: streams above `last_stream` were not
/// processed (RFC 9113 section 6.8).
pub(crate) async fn go_away(mut stream: Stream, last_stream: u32, reason: h2::Reason) {
    const DATA: u8 = 0;
    const END_STREAM: u8 = 1;
    const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream.read_exact(&mut [0; 24]).await.unwrap();
    stream.write_all(&EMPTY_SETTINGS).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        if head[3] == DATA && head[4] & END_STREAM != 0 {
            break;
        }
    }
    let mut goodbye = vec![0, 0, 8, 7, 0, 0, 0, 0, 0];
    goodbye.extend_from_slice(&last_stream.to_be_bytes());
    goodbye.extend_from_slice(&u32::from(reason).to_be_bytes());
    stream.write_all(&goodbye).await.unwrap();
    // The peer may be gone already.
    let _ = stream.shutdown().await;
    // Closed with unread bytes, it would be a reset that takes the goodbye with it.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

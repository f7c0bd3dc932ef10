//! The remote: an MCP server behind mutual TLS on one thread, in a process of its own.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::pin::Pin;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use http::Method;
use http::Request;
use http::Response;
use http::header;
use http_body::Body;
use http_body::Frame;
use http_body::SizeHint;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use mcp_secure_remote::tls::Alpn;
use mcp_secure_remote::tls::Authority;
use mcp_secure_remote::tls::ServerTls;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

use crate::call;
use crate::call::Answer;
use crate::run::Fault;

/// The running server, and the files of its clients.
pub(crate) struct Server {
    child: Child,
    folder: TempDir,
    /// The endpoint that speaks HTTP/2 and HTTP/1.1.
    pub(crate) http2: String,
    /// The endpoint that speaks HTTP/1.1 alone.
    pub(crate) http1: String,
}

impl Server {
    /// Starts the server in a process of its own.
    pub(crate) fn start() -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command
            .arg("server")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let (http2, http1) = line.trim_end().split_once(' ').ok_or("the server did not start")?;
        Ok(Self { child, folder, http2: http2.to_owned(), http1: http1.to_owned() })
    }

    /// Where `ca.pem`, `client.pem` and `client.key` are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server's own process: writes the files of the clients, prints two endpoints, and serves
/// until its input ends.
pub(crate) fn run(folder: &Path) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(folder))
}

async fn serve(folder: &Path) -> Result<(), Fault> {
    let fault = |report: mcp_secure_remote::report::Report| report.to_string();
    let authority = Authority::new("bench CA").map_err(fault)?;
    let (identity, client) = (
        authority.server(&["127.0.0.1"]).map_err(fault)?,
        authority.client("bench").map_err(fault)?,
    );
    fs::write(folder.join("ca.pem"), authority.certificate_pem())?;
    fs::write(folder.join("client.pem"), client.certificate_pem())?;
    fs::write(folder.join("client.key"), client.key_pem())?;
    let mut endpoints = Vec::new();
    for alpn in [Alpn::H2AndHttp1, Alpn::Http1] {
        let tls = ServerTls::new(&identity, &authority, alpn).map_err(fault)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        endpoints.push(format!("https://{}/mcp", listener.local_addr()?));
        tokio::spawn(accept(listener, tls));
    }
    println!("{}", endpoints.join(" "));
    std::io::stdout().flush()?;
    // Nobody is left to ask once the input has ended.
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(ended);
    });
    let _ = end.await;
    Ok(())
}

async fn accept(listener: TcpListener, tls: ServerTls) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(stream, tls.clone()));
    }
}

async fn connection(stream: TcpStream, tls: ServerTls) {
    let Ok((stream, _)) = tls.accept(stream).await else { return };
    let http = auto::Builder::new(TokioExecutor::new());
    let _ = http.serve_connection(TokioIo::new(stream), service_fn(reply)).await;
}

async fn reply(request: Request<Incoming>) -> Result<Response<Pieces>, hyper::Error> {
    let body = match *request.method() {
        Method::POST => request.into_body().collect().await?.to_bytes(),
        // The stream of what the server has to say: nothing, ever.
        Method::GET => {
            return Ok(response(
                200,
                "text/event-stream",
                Pieces { open: true, ..Pieces::default() },
            ));
        }
        _ => return Ok(response(200, "text/plain", Pieces::default())),
    };
    let Some(answer) = call::answer(&body) else {
        return Ok(response(202, "text/plain", Pieces::default()));
    };
    if !answer.pause.is_zero() {
        // Even a pause of nothing would take a tick of the timer.
        tokio::time::sleep(answer.pause).await;
    }
    let kind = if answer.stream { "text/event-stream" } else { "application/json" };
    Ok(response(200, kind, Pieces::of(answer)))
}

fn response(status: u16, kind: &'static str, pieces: Pieces) -> Response<Pieces> {
    let mut response = Response::new(pieces);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    headers.insert("mcp-session-id", http::HeaderValue::from_static(call::SESSION));
    response
}

/// A body in pieces.
#[derive(Default)]
struct Pieces {
    pieces: VecDeque<Bytes>,
    /// Whether it never ends.
    open: bool,
}

impl Pieces {
    fn of(answer: Answer) -> Self {
        let mut pieces = VecDeque::from(answer.response);
        if answer.stream {
            pieces.push_front("data: ".into());
            pieces.push_back("\n\n".into());
        }
        if answer.events > 0 {
            pieces.push_front(call::progress(answer.events, "data: ", "\n\n"));
        }
        Self { pieces, open: false }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.pieces.pop_front() {
            None if self.open => Poll::Pending,
            piece => Poll::Ready(piece.map(|piece| Ok(Frame::data(piece)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !self.open
    }

    fn size_hint(&self) -> SizeHint {
        if self.open {
            return SizeHint::default();
        }
        SizeHint::with_exact(self.pieces.iter().map(|piece| piece.len() as u64).sum())
    }
}

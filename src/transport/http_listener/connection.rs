//! One connection, from the handshake to its end. What fails on it is the peer's to explain.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Weak;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::StatusCode;
use http_body::Body;
use http_body::Frame;
use http_body::SizeHint;
use http_body_util::BodyExt as _;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http1;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::auth::Peer;
use crate::limits;
use crate::report::Kind;
use crate::report::Report;
use crate::task::Aside;
use crate::task::Tasks;
use crate::tls::ClientCertificate;
use crate::tls::ServerTls;
use crate::transport::http_listener::Handler;
use crate::transport::http_listener::accept::Shared;
use crate::transport::http_listener::activity::Activity;
use crate::transport::http_listener::activity::Running;
use crate::transport::http_listener::admission;
use crate::transport::http_listener::body::Reply;
use crate::transport::http_listener::body::ReplyBody;
use crate::transport::http_listener::body::refusal;
use crate::transport::http_listener::guarded::Guarded;

/// What the requests of one connection have in common.
struct Connection<H> {
    shared: Arc<Shared<H>>,
    peer: Arc<Peer>,
    /// Why none of them is answered.
    refused: Option<Report>,
    scheme: &'static str,
    activity: Arc<Activity>,
}

/// What is left to be done for a connection. Each part has a place of its own, which is given back when
/// it is over: most connections are idle for most of their time.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Handshake, peer, requests.
pub(super) async fn serve<H: Handler>(
    stream: TcpStream,
    address: SocketAddr,
    shared: Arc<Shared<H>>,
) {
    // Else the kernel holds a small event back for 40 ms, to send it with the next one.
    let _ = stream.set_nodelay(true);
    let begun = Box::pin(begin(stream, address, shared)).await;
    if let Some(work) = begun {
        work.await;
    }
}

/// The handshake; what comes after it, if anything does.
async fn begin<H: Handler>(
    stream: TcpStream,
    address: SocketAddr,
    shared: Arc<Shared<H>>,
) -> Option<Work> {
    let Some(tls) = &shared.config.tls else {
        let peer = Peer { address, certificate: None };
        return Some(converse(stream, false, peer, "http", &shared));
    };
    // From now on, so that no change of the files is missed.
    let generations = tls.generations();
    let handshake = tokio::time::timeout(shared.config.handshake_timeout, tls.accept(stream));
    let accepted = tokio::select! {
        biased;
        accepted = handshake => accepted,
        // Who has only just come finds nobody else perhaps.
        () = shared.drain_and_farewell() => return None,
    };
    match accepted {
        Ok(Ok((stream, certificate))) => {
            let is_http2 = stream.negotiated_h2();
            let peer = Peer { address, certificate: certificate.clone() };
            let work = converse(stream, is_http2, peer, "https", &shared);
            Some(match certificate {
                Some(certificate) => Box::pin(trusted(tls.clone(), certificate, generations, work)),
                None => work,
            })
        }
        Ok(Err(failure)) => {
            shared.counts.handshake_failed(failure.reason.as_str());
            tracing::info!("{address}: the handshake failed: {failure}");
            None
        }
        Err(_) => {
            shared.counts.handshake_failed("timeout");
            tracing::info!("{address}: the handshake took too long");
            None
        }
    }
}

fn converse<H: Handler>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    is_http2: bool,
    peer: Peer,
    scheme: &'static str,
    shared: &Arc<Shared<H>>,
) -> Work {
    let refused = shared.config.admission.refuse_peer(&peer);
    let activity = Activity::new();
    let stream = Guarded::new(stream, Arc::clone(&shared.counts), Arc::clone(&activity));
    let stream = TokioIo::new(stream);
    let context = Arc::new(Connection {
        shared: Arc::clone(shared),
        peer: Arc::new(peer),
        refused,
        scheme,
        activity: Arc::clone(&activity),
    });
    let service = service_fn(move |request| {
        let context = Arc::clone(&context);
        // hyper keeps room for it between two requests.
        let answer = Box::pin(async move { answer(request, &context).await });
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let (shared, idle) = (Arc::clone(shared), shared.config.idle_timeout);
    if is_http2 {
        // Its streams are tasks, and end with the connection.
        let streams = Arc::new(Tasks::new());
        let spawner = Spawner(Arc::downgrade(&streams));
        let connection = Box::pin(http2(spawner).serve_connection(stream, service));
        return Box::pin(async move {
            let _streams = streams;
            drive(connection, &activity, idle, &shared).await;
        });
    }
    // Also in the middle of a head, which is no request yet.
    let idle = idle.min(limits::HEADER_TIMEOUT);
    let connection = Box::pin(http1().serve_connection(stream, service));
    Box::pin(async move { drive(connection, &activity, idle, &shared).await })
}

/// Runs `work` as long as the certificate would be accepted in a new handshake.
async fn trusted(
    tls: ServerTls,
    certificate: Arc<ClientCertificate>,
    mut generations: watch::Receiver<u64>,
    work: Work,
) {
    let distrusted = async {
        while generations.changed().await.is_ok() {
            if !tls.still_trusts(&certificate) {
                return;
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        biased;
        () = work => {}
        () = Aside::new(distrusted) => {
            tracing::warn!("{} is not trusted any more: its connection ends", certificate.subject);
        }
    }
}

fn http1() -> http1::Builder {
    let mut http = http1::Builder::new();
    // One clock for the whole connection, our own, is cheaper than one for each head.
    http.header_read_timeout(None).max_buf_size(limits::HTTP_HEADER_BYTES as usize);
    http
}

fn http2(spawner: Spawner) -> http2::Builder<Spawner> {
    let mut http = http2::Builder::new(spawner);
    http.timer(TokioTimer::new())
        .max_concurrent_streams(limits::HTTP2_STREAMS)
        .initial_stream_window_size(limits::HTTP2_RECEIVE_WINDOW)
        .initial_connection_window_size(limits::HTTP2_RECEIVE_WINDOW_IN_ALL)
        .max_frame_size(limits::HTTP2_FRAME)
        .max_header_list_size(limits::HTTP_HEADER_BYTES)
        .max_send_buf_size(limits::HTTP2_SEND_BUFFER)
        .keep_alive_interval(limits::PING_INTERVAL)
        .keep_alive_timeout(limits::PING_TIMEOUT);
    http
}

/// Runs a connection until it ends, is idle for too long, or is to end in good order.
async fn drive<H>(
    mut connection: Pin<Box<impl GracefulConnection>>,
    activity: &Activity,
    idle_timeout: Duration,
    shared: &Shared<H>,
) {
    let drained = async {
        shared.drain.cancelled().await;
        if activity.is_unused() {
            // Its first request may be on the way, from one who saw the door open.
            tokio::time::sleep(limits::FAREWELL).await;
        }
    };
    let enough = async {
        tokio::select! {
            () = drained => {}
            () = activity.idle(idle_timeout) => {}
        }
    };
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = Aside::new(enough) => {}
    }
    connection.as_mut().graceful_shutdown();
    // Who is in the middle of a head, or does not answer the farewell of HTTP/2, is not waited for.
    let given_up = async {
        tokio::time::sleep(limits::FAREWELL).await;
        activity.idle(limits::FAREWELL).await;
    };
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        () = given_up => {}
    }
}

async fn answer<H: Handler>(request: Request<Incoming>, context: &Connection<H>) -> Reply {
    let running = context.activity.begin();
    let reply = admitted(request, context).await;
    // Until the last byte of the answer, or until nobody reads it any more.
    let (parts, body) = reply.into_parts();
    if !is_long(&body) {
        return Reply::from_parts(parts, body);
    }
    let body = Held { body, _running: running };
    Reply::from_parts(parts, Either::Right(body.boxed_unsync()))
}

/// What may take some time to be written.
fn is_long(body: &ReplyBody) -> bool {
    body.size_hint().exact().is_none_or(|bytes| bytes > limits::SMALL_MESSAGE_BYTES as u64)
}

/// A body during which its connection is in use.
struct Held {
    body: ReplyBody,
    _running: Running,
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.body {
            Either::Left(whole) => Pin::new(whole).poll_frame(cx),
            Either::Right(pieces) => Pin::new(pieces).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

async fn admitted<H: Handler>(request: Request<Incoming>, context: &Connection<H>) -> Reply {
    let shared = &context.shared;
    if let Some(report) = &context.refused {
        return refusal(StatusCode::FORBIDDEN, Kind::Auth, report.clone());
    }
    let origin = match shared.config.admission.check(&request, context.scheme) {
        Ok(origin) => origin,
        Err(refused) => return refused.into_reply(),
    };
    let handler = Arc::clone(&shared.handler);
    let reply = handler.handle(request, Arc::clone(&context.peer)).await;
    match origin {
        Some(origin) => admission::shown_to(&origin, reply),
        None => reply,
    }
}

/// HTTP/2 runs each request in a task, which then belongs to its connection.
#[derive(Clone)]
struct Spawner(Weak<Tasks>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawner {
    fn execute(&self, task: F) {
        if let Some(tasks) = self.0.upgrade() {
            tasks.spawn(task);
        }
    }
}

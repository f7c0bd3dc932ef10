//! A small MCP server behind mutual TLS: Streamable HTTP of the legacy era, with a session id
//! (specification 2025-11-25, "Transports").

use std::collections::HashSet;
use std::convert::Infallible;
use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::Response;
use http::StatusCode;
use http::header;
use http_body_util::BodyExt as _;
use http_body_util::Either;
use http_body_util::Full;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use url::Url;

use crate::command::demo::tools;
use crate::command::demo::tools::Answer;
use crate::command::demo::tools::Counting;
use crate::limits;
use crate::message::Message;
use crate::report::Report;
use crate::task::Tasks;
use crate::tls::ServerTls;
use crate::transport::streamable_http::SESSION_ID;

const PATH: &str = "/mcp";

/// A server that listens on the loopback interface. Dropping it ends it.
pub(super) struct Server {
    url: Url,
    sessions: Arc<Sessions>,
    // Owns the accept loop, the connections and their requests.
    _tasks: Arc<Tasks>,
}

impl Server {
    /// Listens on a free port, with the certificate and the demands of `tls`.
    ///
    /// # Errors
    /// The port cannot be had.
    pub(super) async fn start(tls: ServerTls) -> Result<Self, Report> {
        let failed = |cause: String| Report::new("cannot listen on 127.0.0.1").cause(cause);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(|e| failed(e.to_string()))?;
        let address = listener.local_addr().map_err(|e| failed(e.to_string()))?;
        let url = Url::parse(&format!("https://{address}{PATH}"));
        let url = url.map_err(|e| failed(e.to_string()))?;
        let (sessions, tasks) = (Arc::new(Sessions::default()), Arc::new(Tasks::new()));
        tasks.spawn(accept(listener, tls, Arc::clone(&sessions), Arc::downgrade(&tasks)));
        Ok(Self { url, sessions, _tasks: tasks })
    }

    /// The endpoint.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// How many sessions are open.
    pub(super) fn sessions(&self) -> usize {
        self.sessions.lock().len()
    }
}

/// The ids of the open sessions.
#[derive(Default)]
struct Sessions(Mutex<HashSet<HeaderValue>>);

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashSet<HeaderValue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// HTTP/2 runs each request in a task, which then belongs to the server like everything else.
#[derive(Clone)]
struct Spawner(Weak<Tasks>);

impl Spawner {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = self.0.upgrade() {
            tasks.spawn(task);
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawner {
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}

async fn accept(
    listener: TcpListener,
    tls: ServerTls,
    sessions: Arc<Sessions>,
    tasks: Weak<Tasks>,
) {
    let spawner = Spawner(tasks);
    // Without a new connection there is nothing left to show, so an error may end the server.
    while let Ok((stream, _)) = listener.accept().await {
        // Else the kernel holds a small event back for 40 ms, to send it with the next one.
        let _ = stream.set_nodelay(true);
        spawner.spawn(serve(stream, tls.clone(), Arc::clone(&sessions), spawner.clone()));
    }
}

/// One connection, from the handshake to its end. What fails on it is the peer's to explain.
async fn serve(stream: TcpStream, tls: ServerTls, sessions: Arc<Sessions>, spawner: Spawner) {
    let handshake = tokio::time::timeout(limits::CONNECT_TIMEOUT, tls.accept(stream));
    let Ok(Ok((stream, _))) = handshake.await else { return };
    let service = service_fn(move |request| {
        let sessions = Arc::clone(&sessions);
        async move { Ok::<_, Infallible>(reply(request, &sessions).await) }
    });
    let mut http = auto::Builder::new(spawner);
    http.http1().timer(TokioTimer::new());
    http.http2().timer(TokioTimer::new());
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

type Reply = Response<Either<Full<Bytes>, Counting>>;

async fn reply(request: Request<Incoming>, sessions: &Sessions) -> Reply {
    if request.uri().path() != PATH {
        return empty(StatusCode::NOT_FOUND);
    }
    match *request.method() {
        Method::POST => post(request, sessions).await,
        Method::DELETE => empty(match known_session(&request, sessions) {
            Ok(id) if sessions.lock().remove(&id) => StatusCode::NO_CONTENT,
            Ok(_) => StatusCode::NOT_FOUND,
            Err(status) => status,
        }),
        // No stream of its own accord: the demonstration has nothing to say there.
        _ => empty(StatusCode::METHOD_NOT_ALLOWED),
    }
}

async fn post(request: Request<Incoming>, sessions: &Sessions) -> Reply {
    let session = known_session(&request, sessions);
    let body = Limited::new(request.into_body(), limits::DEMO_MESSAGE_BYTES).collect().await;
    let Ok(body) = body else { return empty(StatusCode::PAYLOAD_TOO_LARGE) };
    let Ok(message) = Message::parse(body.to_bytes()) else {
        return empty(StatusCode::BAD_REQUEST);
    };
    let opens = message.request().is_some_and(|(_, method)| method == "initialize");
    match (session, message.request()) {
        (Err(status), _) if !opens => empty(status),
        (_, None) => empty(StatusCode::ACCEPTED),
        (_, Some((id, method))) => {
            let mut reply = answered(tools::answer(&message, id, method));
            if opens {
                reply.headers_mut().extend(new_session(sessions).map(|id| (SESSION_ID, id)));
            }
            reply
        }
    }
}

/// The session of a request, or the status that refuses it (section "Session Management").
fn known_session(
    request: &Request<Incoming>,
    sessions: &Sessions,
) -> Result<HeaderValue, StatusCode> {
    let id = request.headers().get(SESSION_ID).ok_or(StatusCode::BAD_REQUEST)?;
    if sessions.lock().contains(id) { Ok(id.clone()) } else { Err(StatusCode::NOT_FOUND) }
}

fn new_session(sessions: &Sessions) -> Option<HeaderValue> {
    // Who gets here holds the one client certificate, so nobody has to be kept from guessing.
    let id = HeaderValue::from_str(&format!("{:032x}", fastrand::u128(..))).ok()?;
    sessions.lock().insert(id.clone());
    Some(id)
}

fn answered(answer: Answer) -> Reply {
    let (kind, body) = match answer {
        Answer::Counting(counting) => ("text/event-stream", Either::Right(counting)),
        Answer::Whole(bytes) => ("application/json", Either::Left(Full::new(bytes))),
    };
    let mut reply = Response::new(body);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Either::Left(Full::default()));
    *reply.status_mut() = status;
    reply
}

//! The machinery of the remote: HTTP/1.1 and HTTP/2, in the clear or behind TLS.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::Response;
use http::Version;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use serde_json::Value;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::support::background::PanicNote;
use crate::support::mcp::Call;
use crate::support::mcp::Flavour;
use crate::support::mcp::Plan;
use crate::support::mcp::Record;
use crate::support::mcp::Script;
use crate::support::mcp::answers;
use crate::support::mcp::rules::Rules;
use crate::support::reply::Outgoing;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::reply::play;
use crate::support::request::Request;
use crate::support::watched::Watched;

pub(super) struct Server {
    pub(super) flavour: Flavour,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) record: Watched<Record>,
    pub(super) cut: Watched<CancellationToken>,
    answers_in_events: bool,
    resumable: bool,
    get_stream: bool,
    scripts: Watched<Vec<Script>>,
    rules: Watched<Rules>,
    // All that were ever opened; `None` once ended.
    streams: Watched<Vec<Option<mpsc::UnboundedSender<Step>>>>,
    // Events of resumable streams, by the name of the stream.
    replay: Watched<BTreeMap<String, Vec<Bytes>>>,
}

/// A response to be sent, and what comes after its steps while the stream lives.
struct Outcome {
    reply: Reply,
    live: Option<mpsc::UnboundedReceiver<Step>>,
}

impl Server {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            flavour: plan.flavour,
            tls: plan.tls,
            record: Watched::default(),
            cut: Watched::default(),
            answers_in_events: plan.answers_in_events,
            resumable: plan.resumable,
            get_stream: plan.get_stream,
            scripts: Watched::new(plan.scripts),
            rules: Watched::new(Rules::new(plan.flavour)),
            streams: Watched::default(),
            replay: Watched::default(),
        }
    }

    pub(super) fn push(&self, step: Step) {
        assert!(self.say(step), "no stream is open");
    }

    /// Writes on the newest stream; false if there is none any more.
    fn say(&self, step: Step) -> bool {
        let streams = self.streams.lock();
        let newest = streams.last().and_then(Option::as_ref);
        newest.is_some_and(|stream| stream.send(step).is_ok())
    }

    pub(super) fn end_stream(&self) {
        let ended = self.streams.lock().last_mut().and_then(Option::take);
        assert!(ended.is_some(), "no stream is open");
    }

    #[track_caller]
    pub(super) fn wait_for_stream(&self, count: usize) {
        self.streams.wait("GET stream", |streams| (streams.len() >= count).then_some(()));
    }

    pub(super) fn forget_sessions(&self) {
        self.rules.lock().forget_sessions();
    }

    fn handle(&self, request: &Request) -> Outcome {
        let number = self.note(request);
        let message = request.json();
        let refused = self.check(request, &message);
        let call = Call { request, message: &message, number };
        let scripted = self.scripted(&call);
        let outcome = match (scripted, refused) {
            (Some(reply), _) => Outcome { reply: self.fill_in(reply, &call), live: None },
            (None, Some(reply)) => Outcome { reply, live: None },
            (None, None) => self.answer(&call),
        };
        if request.what() == "tools/call" && outcome.reply.status < 300 {
            let id = answers::raw_id(&request.body);
            self.record.change(|record| *record.executions.entry(id).or_default() += 1);
        }
        outcome
    }

    /// Records the request, and counts how many of its kind came before.
    fn note(&self, request: &Request) -> usize {
        let what = request.what();
        self.record.change(|record| {
            let number = record.requests.iter().filter(|other| other.what() == what).count();
            record.requests.push(request.clone());
            number
        })
    }

    fn check(&self, request: &Request, message: &Value) -> Option<Reply> {
        let verdict = self.rules.lock().check(request, message)?;
        if verdict.is_the_bridges_fault {
            let what = request.what();
            let complaint = format!("{what}: {}", verdict.reason);
            self.record.change(|record| record.complaints.push(complaint));
        }
        let id = answers::raw_id(&request.body);
        let body = answers::failure(&id, verdict.code, verdict.reason);
        Some(Reply::json(body).with_status(verdict.status))
    }

    fn scripted(&self, call: &Call<'_>) -> Option<Reply> {
        let what = call.request.what();
        let mut scripts = self.scripts.lock();
        let mut fitting = scripts.iter_mut().filter(|script| script.key == what);
        fitting.find_map(|script| (script.answer)(call))
    }

    /// Puts our own answer in the place of [`Step::Answer`].
    fn fill_in(&self, mut reply: Reply, call: &Call<'_>) -> Reply {
        for step in &mut reply.steps {
            if matches!(step, Step::Answer) {
                let body = &call.request.body;
                *step = Step::event(&answers::answer(self.flavour, body, call.message).1);
            }
        }
        reply
    }

    fn answer(&self, call: &Call<'_>) -> Outcome {
        let is_request = call.message.get("id").is_some() && call.message.get("method").is_some();
        let reply = match call.request.method.as_str() {
            // As a server of that time does, at the address of its stream.
            "POST" if self.flavour == Flavour::Sse && call.request.path == "/sse" => {
                Reply::status(404)
                    .header("content-type", "text/html")
                    .body("<pre>Cannot POST</pre>")
            }
            "POST" if is_request => return self.answer_request(call),
            "POST" => Reply::status(202),
            "GET" => return self.answer_get(call),
            "DELETE" if self.flavour == Flavour::Legacy => Reply::status(204),
            _ => Reply::status(405),
        };
        Outcome { reply, live: None }
    }

    fn answer_request(&self, call: &Call<'_>) -> Outcome {
        let body = &call.request.body;
        let (status, text) = answers::answer(self.flavour, body, call.message);
        let mut reply = match (self.flavour, status) {
            (Flavour::Sse, _) => {
                self.say(Step::event(&text));
                Reply::status(202)
            }
            (_, 200) if self.resumable => self.resumable_answer(call, &text),
            (_, 200) if self.answers_in_events => Reply::events([Step::event(&text)]),
            _ => Reply::json(text).with_status(status),
        };
        if self.flavour == Flavour::Legacy && call.request.what() == "initialize" {
            reply = reply.header("mcp-session-id", self.rules.lock().new_session());
        }
        Outcome { reply, live: None }
    }

    /// A priming event, then the answer; both are kept for a replay.
    fn resumable_answer(&self, call: &Call<'_>, text: &str) -> Reply {
        let name = format!("{}-{}", call.request.what().replace('/', "-"), call.number);
        let priming = format!("id: {name}_0\nretry: 10\ndata:\n\n");
        let answer = format!("id: {name}_1\ndata: {text}\n\n");
        let events: Vec<Bytes> = vec![priming.into(), answer.into()];
        self.replay.lock().insert(name, events.clone());
        Reply::events(events.into_iter().map(Step::Bytes))
    }

    fn answer_get(&self, call: &Call<'_>) -> Outcome {
        let last = call.request.header("last-event-id");
        let replayed = last.and_then(|id| self.replayed(id));
        let opens = self.get_stream || self.flavour == Flavour::Sse;
        match replayed {
            Some(steps) => Outcome { reply: Reply::events(steps), live: None },
            None if opens => {
                let (sender, live) = mpsc::unbounded_channel();
                self.streams.change(|streams| streams.push(Some(sender)));
                let endpoint = Step::bytes("event: endpoint\ndata: /message?sessionId=1\n\n");
                let first = (self.flavour == Flavour::Sse).then_some(endpoint);
                Outcome { reply: Reply::events(first), live: Some(live) }
            }
            None => Outcome { reply: Reply::status(405), live: None },
        }
    }

    fn replayed(&self, last_id: &str) -> Option<Vec<Step>> {
        let (name, number) = last_id.rsplit_once('_')?;
        let number: usize = number.parse().ok()?;
        let events = self.replay.lock().get(name)?[number + 1..].to_vec();
        Some(events.into_iter().map(Step::Bytes).collect())
    }
}

/// Accepts until the runtime ends.
pub(super) async fn serve(server: Arc<Server>, listener: std::net::TcpListener, note: PanicNote) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let number = server.record.change(|record| {
            record.connections += 1;
            record.connections - 1
        });
        let (server, note) = (Arc::clone(&server), note.clone());
        let cut = server.cut.lock().clone();
        tokio::spawn(async move {
            let _note = note.clone();
            let about = Request { connection: number, ..Request::default() };
            tokio::select! {
                () = cut.cancelled() => {}
                () = speak(server, stream, about, note) => {}
            }
        });
    }
}

async fn speak(server: Arc<Server>, stream: TcpStream, mut about: Request, note: PanicNote) {
    match server.tls.clone() {
        None => http(server, stream, about, note).await,
        Some(acceptor) => {
            // A handshake that fails is the bridge's to report.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let session = stream.get_ref().1;
            about.server_name = session.server_name().map(str::to_owned);
            about.certified = session.peer_certificates().is_some();
            http(server, stream, about, note).await;
        }
    }
}

async fn http<S>(server: Arc<Server>, stream: S, about: Request, note: PanicNote)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (server, about, note) = (Arc::clone(&server), about.clone(), note.clone());
        async move {
            let _note = note;
            let Some(request) = read(request, about).await else {
                // The upload broke; who closed only that direction still hears about it.
                let refused = Response::builder().status(400);
                return Ok(refused.body(Outgoing::Whole(None)).unwrap());
            };
            Ok::<_, Infallible>(respond(server, request).await)
        }
    });
    let connection = auto::Builder::new(TokioExecutor::new());
    // Bridges come and go; what matters is in the record.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

async fn read(request: http::Request<Incoming>, about: Request) -> Option<Request> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let mut headers = listed(&head.headers);
    if let Some(authority) = head.uri.authority() {
        headers.push((":authority".to_owned(), authority.to_string()));
    }
    Some(Request {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers,
        body: String::from_utf8(body.to_vec()).expect("a body is UTF-8"),
        http2: head.version == Version::HTTP_2,
        ..about
    })
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

async fn respond(server: Arc<Server>, request: Request) -> Response<Outgoing> {
    let Outcome { reply, live } = server.handle(&request);
    let mut unread = Unread { server, id: Some(answers::raw_id(&request.body)) };
    if let Some(gate) = &reply.hold {
        gate.pass().await;
    }
    unread.server.rules.lock().learn(&request.json(), &reply);
    let body = match (live, Outgoing::whole(&reply.steps)) {
        (None, Some(whole)) => {
            unread.settle();
            whole
        }
        (live, _) => stream(reply.steps, live, unread),
    };
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap()
}

fn stream(
    steps: Vec<Step>,
    live: Option<mpsc::UnboundedReceiver<Step>>,
    mut unread: Unread,
) -> Outgoing {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let all = async {
            play(steps, &sender).await;
            let Some(mut live) = live else { return };
            while let Some(step) = live.recv().await {
                play(vec![step], &sender).await;
            }
        };
        tokio::select! {
            () = all => unread.settle(),
            () = sender.closed() => {}
        }
    });
    Outgoing::Chunks(receiver)
}

/// Notes, when dropped, that a response was not taken to its end.
struct Unread {
    server: Arc<Server>,
    id: Option<String>,
}

impl Unread {
    /// All was said.
    fn settle(&mut self) {
        self.id = None;
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.server.record.change(|record| record.dropped.push(id));
        }
    }
}

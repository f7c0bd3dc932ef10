//! A `serve` without features: each session has a child, a body becomes a line to it, and its next
//! line the answer. Nothing is looked at, counted, bounded or ended. It shows what is reachable.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::Response;
use http::StatusCode;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use memchr::memmem;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::process::ChildStdin;
use tokio::process::ChildStdout;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::front;
use crate::run::Fault;

/// Serves until its input ends.
pub(crate) fn run(folder: &Path) -> Result<(), Fault> {
    let sessions = Arc::new(Sessions::default());
    front::run(folder, move |stream| {
        let sessions = Arc::clone(&sessions);
        async move {
            let service = service_fn(move |request| Arc::clone(&sessions).answer(request));
            let http = auto::Builder::new(TokioExecutor::new());
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        }
    })
}

/// All sessions, by id.
#[derive(Default)]
struct Sessions(Mutex<HashMap<String, Arc<Session>>>);

/// One child. It answers in the order in which it was asked.
struct Session(tokio::sync::Mutex<Input>);

struct Input {
    stdin: ChildStdin,
    waiting: mpsc::UnboundedSender<oneshot::Sender<Bytes>>,
}

impl Sessions {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Fault> {
        let known = request.headers().get("mcp-session-id").cloned();
        let message = request.into_body().collect().await?.to_bytes();
        let id = match &known {
            Some(id) => id.to_str()?.to_owned(),
            None => self.open()?,
        };
        let session = self.lock().get(&id).cloned().ok_or("no such session")?;
        let Some(line) = session.ask(&message).await? else {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::ACCEPTED;
            return Ok(response);
        };
        let mut response = Response::new(Full::new(line));
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        if known.is_none() {
            headers.insert("mcp-session-id", HeaderValue::from_str(&id)?);
        }
        Ok(response)
    }

    /// Starts a child.
    fn open(&self) -> Result<String, Fault> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("pipe")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().ok_or("no input")?;
        let stdout = child.stdout.take().ok_or("no output")?;
        let (waiting, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let _ = hand_on(stdout, asked).await;
            let _ = child.wait().await;
        });
        let session = Arc::new(Session(tokio::sync::Mutex::new(Input { stdin, waiting })));
        let mut sessions = self.lock();
        let id = format!("{:032x}", sessions.len());
        sessions.insert(id.clone(), session);
        Ok(id)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Writes a line, and waits for one if the message is a request.
    async fn ask(&self, message: &[u8]) -> Result<Option<Bytes>, Fault> {
        let line = [message, b"\n"].concat();
        let answer = {
            let mut input = self.0.lock().await;
            let (sender, receiver) = oneshot::channel();
            let is_request = memmem::find(message, b"\"id\"").is_some();
            if is_request {
                input.waiting.send(sender)?;
            }
            input.stdin.write_all(&line).await?;
            is_request.then_some(receiver)
        };
        match answer {
            Some(answer) => Ok(Some(answer.await?)),
            None => Ok(None),
        }
    }
}

/// Each line goes to who has waited longest.
async fn hand_on(
    stdout: ChildStdout,
    mut asked: mpsc::UnboundedReceiver<oneshot::Sender<Bytes>>,
) -> io::Result<()> {
    let mut stdout = BufReader::with_capacity(64 * 1024, stdout);
    loop {
        let mut line = Vec::new();
        if stdout.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        line.pop();
        let Some(waiting) = asked.recv().await else { return Ok(()) };
        let _ = waiting.send(line.into());
    }
}

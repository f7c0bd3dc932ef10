//! The conversation over an event stream: reading it, posting beside it, and opening it again.

use std::sync::Arc;
use std::sync::Mutex;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::channel::Sender;
use crate::limits;
use crate::message::Kind as MessageKind;
use crate::message::Message;
use crate::task::Tasks;
use crate::transport::batch;
use crate::transport::http::Client;
use crate::transport::inlet::Inlet;
use crate::transport::sse::Opened;
use crate::transport::sse::conversation::Conversation;
use crate::transport::sse::pending::Pending;
use crate::transport::sse::pending::Waiting;
use crate::transport::streamable_http::Settings;

/// Carries what comes from the host over the opened stream, and over the next one when that breaks,
/// until nothing more will come.
pub async fn run(
    http: Arc<Client>,
    opened: Opened,
    host: Sender,
    settings: Settings,
    mut inlet: Inlet,
) {
    let shared = Arc::new(Conversation {
        http,
        host,
        settings,
        endpoint: Mutex::new(opened.endpoint.clone()),
        pending: Pending::default(),
        handshake: Mutex::default(),
    });
    let (lane, items) = mpsc::channel(limits::CHANNEL_MESSAGES);
    let one_way = Tasks::new();
    one_way.spawn(post_one_by_one(Arc::clone(&shared), items));
    let mut next = Some(opened.events);
    while let Some(mut events) = next {
        let posting = Posting { shared: &shared, lane: &lane, requests: Tasks::new() };
        let lost = tokio::select! {
            lost = shared.read(&mut events) => Some(lost),
            () = posting.run(&mut inlet) => None,
        };
        let Some(cause) = lost else { break };
        shared.fail_all(&cause).await;
        next = shared.reopen(&mut inlet).await;
    }
    inlet.abandon(&shared.host).await;
    drop(lane);
    // What the host said last, before it went.
    let _ = timeout(limits::DELETE_TIMEOUT, one_way.finished()).await;
}

/// A message without an answer, and what it has to wait for.
struct OneWay {
    message: Message,
    after: Option<CancellationToken>,
}

/// The host's messages on their way, while one stream lives.
struct Posting<'a> {
    shared: &'a Arc<Conversation>,
    lane: &'a mpsc::Sender<OneWay>,
    requests: Tasks,
}

impl Posting<'_> {
    async fn run(&self, inlet: &mut Inlet) {
        while !inlet.is_over()
            && let Some(message) = inlet.next().await
        {
            let version = self.shared.handshake().version.clone();
            match batch::unpack(message, version.as_deref()) {
                Ok(messages) => {
                    for message in messages {
                        self.take(message, inlet).await;
                    }
                }
                Err(answers) => {
                    for answer in answers {
                        let _ = self.shared.host.send(answer).await;
                    }
                }
            }
        }
    }

    async fn take(&self, message: Message, inlet: &mut Inlet) {
        let Some(head) = message.head() else { return };
        match (&head.kind, head.method()) {
            (MessageKind::Request { .. }, Some("initialize")) => {
                self.shared.handshake().initialize = Some(message.clone());
                let Some(waiting) = self.request(message) else { return };
                // Everything behind it waits for its answer (A18).
                inlet.hold(waiting.answered.cancelled()).await;
            }
            (MessageKind::Request { .. }, _) => drop(self.request(message)),
            (_, Some("notifications/initialized")) => {
                self.shared.handshake().initialized = Some(message.clone());
                let posted = self.shared.post(&message);
                if matches!(inlet.hold(posted).await, Some(Err(_))) {
                    tracing::warn!("lost `notifications/initialized` on the way to the remote");
                }
            }
            (_, Some("notifications/cancelled")) => {
                // Many servers never answer a cancelled request, so it leaves the table at once.
                let target = message.cancelled_request();
                let waiting = target.and_then(|id| self.shared.pending.settle(&id));
                self.one_way(message, waiting.map(|waiting| waiting.sent)).await;
            }
            _ => self.one_way(message, None).await,
        }
    }

    fn request(&self, message: Message) -> Option<Waiting> {
        let (id, method) = message.request()?;
        let (id, waiting) = (id.clone(), Waiting::new(method.into()));
        self.shared.pending.add(id.clone(), waiting.clone());
        self.requests.spawn(Arc::clone(self.shared).request(message, id, waiting.clone()));
        Some(waiting)
    }

    async fn one_way(&self, message: Message, after: Option<CancellationToken>) {
        // The lane lives as long as the conversation.
        let _ = self.lane.send(OneWay { message, after }).await;
    }
}

/// Notifications and responses, in the order of the host (A19).
async fn post_one_by_one(shared: Arc<Conversation>, mut items: mpsc::Receiver<OneWay>) {
    while let Some(OneWay { message, after }) = items.recv().await {
        if let Some(after) = after {
            let _ = timeout(limits::ONE_WAY_TIMEOUT, after.cancelled()).await;
        }
        let posted = timeout(limits::ONE_WAY_TIMEOUT, shared.post(&message));
        let problem = match posted.await {
            Ok(Ok(())) => continue,
            Ok(Err(trouble)) => trouble.line(shared.http.origin()),
            Err(_) => format!("not taken within {:?}", limits::ONE_WAY_TIMEOUT),
        };
        let what = message.head().and_then(|head| head.method()).unwrap_or("a response");
        tracing::warn!("lost `{what}` on the way to the remote: {problem}");
    }
}

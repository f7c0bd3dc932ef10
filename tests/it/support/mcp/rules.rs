//! What a client has to obey in each flavour, checked on every request.

use serde_json::Value;

use crate::support::mcp::Flavour;
use crate::support::reply::Reply;
use crate::support::reply::Step;
use crate::support::request::Request;

/// What the remote knows about its client.
pub(super) struct Rules {
    flavour: Flavour,
    sessions: Vec<String>,
    // Of all sessions, also those that are gone.
    issued: usize,
    has_sessions: bool,
    version: Option<String>,
    ready: bool,
}

/// A request is refused.
pub(super) struct Verdict {
    pub(super) status: u16,
    pub(super) code: i32,
    pub(super) reason: &'static str,
    pub(super) is_the_bridges_fault: bool,
}

fn fault(code: i32, reason: &'static str) -> Option<Verdict> {
    Some(Verdict { status: 400, code, reason, is_the_bridges_fault: true })
}

impl Rules {
    pub(super) fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            sessions: Vec::new(),
            issued: 0,
            has_sessions: false,
            version: None,
            ready: false,
        }
    }

    pub(super) fn new_session(&mut self) -> String {
        self.issued += 1;
        format!("session-{}", self.issued)
    }

    pub(super) fn forget_sessions(&mut self) {
        self.sessions.clear();
    }

    /// Notes what a reply settles: a session, a version, the end of the handshake.
    pub(super) fn learn(&mut self, message: &Value, reply: &Reply) {
        if reply.status >= 300 {
            return;
        }
        match message["method"].as_str() {
            Some("initialize") => {
                let named = reply.headers.iter().find(|(name, _)| *name == "mcp-session-id");
                self.has_sessions = named.is_some();
                self.sessions.extend(named.map(|(_, id)| id.clone()));
                self.version = negotiated(&reply.steps);
                self.ready = false;
            }
            Some("notifications/initialized") => self.ready = true,
            _ => {}
        }
    }

    pub(super) fn check(&self, request: &Request, message: &Value) -> Option<Verdict> {
        if request.method == "POST" {
            if request.header("content-type") != Some("application/json") {
                return fault(-32600, "not posted as application/json");
            }
            let accept = request.header("accept").unwrap_or_default();
            let both = accept.contains("application/json") && accept.contains("text/event-stream");
            if self.flavour != Flavour::Sse && !both {
                return fault(-32600, "does not accept both media types");
            }
        }
        match self.flavour {
            Flavour::Legacy => self.check_legacy(request, message),
            Flavour::Modern => check_modern(request, message),
            Flavour::Sse if request.path == "/sse" => None,
            Flavour::Sse => self.check_order(message),
        }
    }

    fn check_legacy(&self, request: &Request, message: &Value) -> Option<Verdict> {
        let session = request.header("mcp-session-id");
        let version = request.header("mcp-protocol-version");
        match message["method"].as_str() {
            Some("initialize") => {
                return (session.is_some() || version.is_some())
                    .then(|| fault(-32600, "initialize names a session or a version"))?;
            }
            Some("server/discover") => return None,
            _ => {}
        }
        match session {
            None if self.has_sessions => return fault(-32600, "no session id"),
            Some(_) if !self.has_sessions => return fault(-32600, "a session id out of nothing"),
            Some(id) if !self.sessions.iter().any(|known| known == id) => {
                let reason = "Session not found";
                return Some(Verdict {
                    status: 404,
                    code: -32600,
                    reason,
                    is_the_bridges_fault: false,
                });
            }
            _ => {}
        }
        // Who resumes the answer to `initialize` cannot know the version yet.
        let resumes = version.is_none() && !self.ready && request.method == "GET";
        if self.version.is_some() && version != self.version.as_deref() && !resumes {
            return fault(-32600, "not the negotiated version");
        }
        self.check_order(message)
    }

    /// Nothing but a ping may come between `initialize` and `notifications/initialized`.
    fn check_order(&self, message: &Value) -> Option<Verdict> {
        let early = !self.ready && message.get("id").is_some() && message.get("method").is_some();
        let allowed = ["initialize", "ping", "server/discover"];
        let method = message["method"].as_str().unwrap_or_default();
        if early && !allowed.contains(&method) {
            return fault(-32600, "comes before notifications/initialized");
        }
        None
    }
}

/// The version in an answer to `initialize`.
fn negotiated(steps: &[Step]) -> Option<String> {
    steps.iter().find_map(|step| {
        let Step::Bytes(bytes) = step else { return None };
        let text = String::from_utf8_lossy(bytes);
        let (_, rest) = text.split_once(r#""protocolVersion":""#)?;
        Some(rest.split('"').next()?.to_owned())
    })
}

fn check_modern(request: &Request, message: &Value) -> Option<Verdict> {
    if request.method != "POST" {
        return None;
    }
    let method = message["method"].as_str().unwrap_or_default();
    let params = &message["params"];
    let version = &params["_meta"]["io.modelcontextprotocol/protocolVersion"];
    let Some(version) = version.as_str() else {
        let reason = "Method not found";
        return Some(Verdict { status: 404, code: -32601, reason, is_the_bridges_fault: false });
    };
    if request.header("mcp-protocol-version") != Some(version) {
        return fault(-32020, "MCP-Protocol-Version differs from the body");
    }
    if request.header("mcp-session-id").is_some() {
        return fault(-32600, "a session id in the modern era");
    }
    if request.header("mcp-method") != Some(method) {
        return fault(-32020, "Mcp-Method differs from the body");
    }
    let name = match method {
        "tools/call" | "prompts/get" => params["name"].as_str(),
        "resources/read" => params["uri"].as_str(),
        _ => None,
    };
    let plain = name.filter(|name| name.is_ascii());
    if plain.is_some() && request.header("mcp-name") != plain {
        return fault(-32020, "Mcp-Name differs from the body");
    }
    None
}

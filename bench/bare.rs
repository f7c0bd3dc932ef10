//! A client without any bridge: reqwest on one thread, told by lines what to do. It is the limit.

use std::fs;
use std::io;
use std::io::BufRead;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Instant;

use memchr::memchr_iter;
use reqwest::Certificate;
use reqwest::Client;
use reqwest::Identity;
use reqwest::header;
use tokio::task::JoinSet;

use crate::call;
use crate::call::Tool;
use crate::run::Fault;

/// Opens a conversation with `url`, prints a line, then does what the lines of its input say:
/// `sequence TOOL COUNT` or `flood TOOL COUNT IN_FLIGHT`. Each is answered by one line of times in
/// nanoseconds.
pub(crate) fn run(version: &str, url: &str, folder: &Path) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let bare = Arc::new(Bare { client: client(version, folder)?, url: url.to_owned() });
        bare.post(call::initialize()).await?;
        say("ready")?;
        for line in io::stdin().lock().lines() {
            let line = line?;
            let times = match line.split(' ').collect::<Vec<_>>()[..] {
                ["sequence", tool, count] => bare.sequence(named(tool)?, count.parse()?).await?,
                ["flood", tool, count, in_flight] => {
                    let (count, in_flight) = (count.parse()?, in_flight.parse()?);
                    vec![Arc::clone(&bare).flood(named(tool)?, count, in_flight).await?]
                }
                _ => return Err(format!("not understood: {line}").into()),
            };
            let times: Vec<String> = times.iter().map(u128::to_string).collect();
            say(&times.join(" "))?;
        }
        Ok(())
    })
}

fn named(name: &str) -> Result<Tool, Fault> {
    Tool::named(name).ok_or_else(|| format!("no such tool: {name}").into())
}

fn say(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(format!("{line}\n").as_bytes())?;
    output.flush()
}

fn client(version: &str, folder: &Path) -> Result<Client, Fault> {
    // Fails only where there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut identity = fs::read(folder.join("client.pem"))?;
    identity.extend(fs::read(folder.join("client.key"))?);
    let mut headers = header::HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, "application/json".parse()?);
    headers.insert(header::ACCEPT, "application/json, text/event-stream".parse()?);
    headers.insert("mcp-session-id", call::SESSION.parse()?);
    headers.insert("mcp-protocol-version", call::VERSION.parse()?);
    let builder = Client::builder()
        .no_proxy()
        .tls_certs_only([Certificate::from_pem(&fs::read(folder.join("ca.pem"))?)?])
        .identity(Identity::from_pem(&identity)?)
        .default_headers(headers);
    Ok(if version == "h1" { builder.http1_only() } else { builder }.build()?)
}

struct Bare {
    client: Client,
    url: String,
}

impl Bare {
    /// One after the other; the time of each.
    async fn sequence(&self, tool: Tool, count: usize) -> Result<Vec<u128>, Fault> {
        let mut times = Vec::with_capacity(count);
        for id in 0..count {
            let request = tool.request(id as u64);
            let begun = Instant::now();
            self.post(request).await?;
            times.push(begun.elapsed().as_nanos());
        }
        Ok(times)
    }

    /// `in_flight` at a time; the time of all together.
    async fn flood(
        self: Arc<Self>,
        tool: Tool,
        count: usize,
        in_flight: usize,
    ) -> Result<u128, Fault> {
        let begun = Instant::now();
        let (next, mut callers) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for _ in 0..in_flight {
            let (bare, next) = (Arc::clone(&self), Arc::clone(&next));
            callers.spawn(async move {
                loop {
                    let id = next.fetch_add(1, Ordering::Relaxed);
                    if id >= count {
                        return Ok(());
                    }
                    bare.post(tool.request(id as u64)).await?;
                }
            });
        }
        while let Some(done) = callers.join_next().await {
            done?.map_err(|error: reqwest::Error| error.to_string())?;
        }
        Ok(begun.elapsed().as_nanos())
    }

    /// Reads the answer to its end, counts its lines and keeps nothing.
    async fn post(&self, body: String) -> Result<usize, reqwest::Error> {
        let mut response =
            self.client.post(&self.url).body(body).send().await?.error_for_status()?;
        let mut lines = 0;
        while let Some(chunk) = response.chunk().await? {
            lines += memchr_iter(b'\n', &chunk).count();
        }
        Ok(lines)
    }
}

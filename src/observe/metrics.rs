//! The numbers of a server as text that Prometheus and others read (OpenMetrics 1.0).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::encoding::text;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use prometheus_client::registry::Unit;

use crate::limits;
use crate::transport::http_listener;
use crate::transport::process;
use crate::transport::streamable_http::server;
use crate::transport::streamable_http::server::Ending;
use crate::transport::streamable_http::server::METHODS;
use crate::transport::streamable_http::server::Outcome;

/// What all names begin with.
const PREFIX: &str = "mcp_serve";

/// The media type of the text.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All numbers of one server at one moment, or where they are counted.
#[derive(Debug)]
pub struct Numbers {
    /// Connections, handshakes and bytes.
    pub connections: Arc<http_listener::Counts>,
    /// Requests and sessions.
    pub requests: Arc<server::Counts>,
    /// Open sessions over Streamable HTTP.
    pub streamable_sessions: usize,
    /// Open sessions over HTTP+SSE.
    pub sse_sessions: usize,
    /// Processes of the command.
    pub children: process::Counts,
    /// `None` without TLS.
    pub certificate: Option<CertificateState>,
    /// Whether requests are welcome.
    pub is_ready: bool,
}

/// The certificate that clients see.
#[derive(Clone, Copy, Debug)]
pub struct CertificateState {
    /// Whole days until it expires; negative afterwards.
    pub days_left: i64,
    /// The TLS files as they are now cannot be used: older ones are in force.
    pub reload_failed: bool,
}

/// The text; `None` if it cannot be made, which does not happen.
pub(super) fn render(numbers: Numbers) -> Option<String> {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(numbers));
    let mut page = String::new();
    text::encode(&mut page, &registry).ok().map(|()| page)
}

impl Collector for Numbers {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        let version = [(env!("CARGO_PKG_VERSION"), 1)];
        page.gauges("build", "The program that runs", "version", version)?;
        page.gauge("ready", "Whether requests are welcome", i64::from(self.is_ready))?;
        self.requests(&mut page)?;
        self.sessions(&mut page)?;
        self.children(&mut page)?;
        self.connections(&mut page)?;
        let Some(certificate) = self.certificate else { return Ok(()) };
        page.gauge(
            "certificate_days_left",
            "Days until the certificate of this server expires",
            certificate.days_left,
        )?;
        page.gauge(
            "certificate_reload_failed",
            "Whether the TLS files as they are now cannot be used",
            i64::from(certificate.reload_failed),
        )
    }
}

impl Numbers {
    fn requests(&self, page: &mut Page<'_>) -> fmt::Result {
        let mut metric = page.0.encode_descriptor(
            "requests",
            "Requests by method and outcome",
            None,
            MetricType::Counter,
        )?;
        for (place, method) in METHODS.into_iter().enumerate() {
            for outcome in Outcome::ALL {
                let count = self.requests.requests(place, outcome);
                // Most pairs never occur, and would be most of the page.
                if count > 0 {
                    let labels = [("method", method), ("outcome", outcome.as_str())];
                    ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
                }
            }
        }
        let ends = limits::LATENCY_BUCKETS.iter().map(|end| end.as_secs_f64());
        let counts = self.requests.latencies();
        let buckets: Vec<_> = ends.chain([f64::INFINITY]).zip(counts).collect();
        let mut metric = page.0.encode_descriptor(
            "request_duration",
            "Time from a request to its answer",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        let sum = self.requests.latency_sum().as_secs_f64();
        metric.encode_histogram::<[(&str, &str); 0]>(sum, counts.iter().sum(), &buckets, None)
    }

    fn sessions(&self, page: &mut Page<'_>) -> fmt::Result {
        let open = [("streamable-http", self.streamable_sessions), ("sse", self.sse_sessions)];
        let open = open.map(|(name, count)| (name, signed(count)));
        page.gauges("sessions_open", "Sessions that are open", "transport", open)?;
        let opened = self.requests.sessions_opened();
        page.counter("sessions_opened", "Sessions that have begun", opened)?;
        let ended = Ending::ALL.map(|it| (it.as_str(), self.requests.sessions_ended(it)));
        page.counters("sessions_ended", "Sessions that have ended", "reason", ended)
    }

    fn children(&self, page: &mut Page<'_>) -> fmt::Result {
        let children = &self.children;
        page.gauge("children_running", "Processes of the command", signed(children.running))?;
        page.counter("children_started", "Processes that were started", children.spawned)?;
        let ended = [
            ("exited-well", children.exited_well),
            ("exited-badly", children.exited_badly),
            ("signal", children.ended_by_signal),
        ];
        page.counters("children_ended", "Processes that have ended", "how", ended)?;
        let told = "Processes that did not end by themselves when their input ended";
        page.counter("children_terminated", told, children.terminated)?;
        let killed = "Processes that did not end by SIGTERM either";
        page.counter("children_killed", killed, children.killed)?;
        let noise = "Lines on standard output of the command that are no messages";
        page.counter("child_noise_lines", noise, children.noise_lines)?;
        let lines = "Lines on standard error of the command";
        page.counter("child_stderr_lines", lines, children.stderr_lines)?;
        let lines = "Lines of the command that were not logged since there were too many";
        page.counter("child_unlogged_lines", lines, children.unlogged_lines)
    }

    fn connections(&self, page: &mut Page<'_>) -> fmt::Result {
        let connections = &self.connections;
        let read = |count: &AtomicU64| count.load(Relaxed);
        let open = i64::try_from(read(&connections.open)).unwrap_or(i64::MAX);
        page.gauge(
            "connections_open",
            "Connections that are open, in handshake or after it",
            open,
        )?;
        let accepted = read(&connections.accepted);
        page.counter("connections_accepted", "Connections that were taken", accepted)?;
        let turned_away = read(&connections.turned_away);
        let help = "Connections that were closed at once since there were too many";
        page.counter("connections_turned_away", help, turned_away)?;
        let failures = connections.handshake_failures();
        page.counters("handshake_failures", "Handshakes that failed", "reason", failures)?;
        page.counter("received_bytes", "Bytes from clients", read(&connections.bytes_in))?;
        page.counter("sent_bytes", "Bytes to clients", read(&connections.bytes_out))
    }
}

/// The text while it is written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn counter(&mut self, name: &str, help: &str, count: u64) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(count).encode(metric)
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        counts: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (value, count) in counts {
            ConstCounter::new(count).encode(metric.encode_family(&[(label, value)])?)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric)
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'static str, i64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (of, value) in values {
            ConstGauge::new(value).encode(metric.encode_family(&[(label, of)])?)?;
        }
        Ok(())
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

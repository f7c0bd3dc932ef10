//! Log lines on standard error, as text or JSON. Standard output is never touched.
//!
//! Only this crate's own events are shown, at any level: rustls, hyper and h2 print headers.

use std::sync::Arc;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::cli::line::Lines;
use crate::cli::stderr::Stderr;

/// How the program logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// How much.
    pub level: Level,
    /// In which form.
    pub format: Format,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Errors.
    Silent,
    /// Errors, warnings and what happens to the connection.
    #[default]
    Normal,
    /// Also a line for each message.
    Debug,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `[mcp-secure-remote TIME] TEXT`, the form of the Python tool of the same name.
    #[default]
    Text,
    /// One object a line: `ts`, `level`, `message`, `fields`.
    Json,
}

/// Sends all events of this process to `stderr`. The first call of a process counts.
pub(super) fn init(options: LogOptions, stderr: Arc<Stderr>) {
    let subscriber = subscriber(options, move || stderr.line());
    // Only a second logger in one process can make this fail; the first one then goes on.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

fn subscriber<W>(options: LogOptions, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = match options.level {
        Level::Silent => LevelFilter::ERROR,
        Level::Normal => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Lines(options.format))
        .with_ansi(false)
        .with_writer(writer);
    tracing_subscriber::registry()
        .with(Targets::new().with_target(env!("CARGO_CRATE_NAME"), level))
        .with(lines)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::Mutex;

    use super::Format;
    use super::Level;
    use super::LogOptions;
    use super::subscriber;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `log` leads to, without their times.
    fn lines(level: Level, format: Format, log: impl FnOnce()) -> Vec<String> {
        let captured = Captured::default();
        let writer = captured.clone();
        let options = LogOptions { level, format };
        tracing::subscriber::with_default(subscriber(options, move || writer.clone()), log);
        let bytes = captured.0.lock().unwrap();
        let text = str::from_utf8(&bytes).unwrap();
        text.lines().map(without_time).collect()
    }

    fn without_time(line: &str) -> String {
        let at = line.find("20").expect("a time");
        assert_eq!(&line[at + 26..at + 32], "+00:00", "{line}");
        format!("{}TIME{}", &line[..at], &line[at + 32..])
    }

    fn all_levels() {
        tracing::error!("broken");
        tracing::warn!("odd");
        tracing::info!("Connected");
        tracing::debug!(id = 7, method = %"tools/call", "request");
    }

    #[test]
    fn text_lines_have_the_form_of_the_python_tool() {
        assert_eq!(
            lines(Level::Debug, Format::Text, all_levels),
            [
                "[mcp-secure-remote TIME] broken",
                "[mcp-secure-remote TIME] warning: odd",
                "[mcp-secure-remote TIME] Connected",
                "[mcp-secure-remote TIME] [debug] request id=7 method=tools/call",
            ]
        );
    }

    #[test]
    fn json_lines_are_one_object_each() {
        assert_eq!(
            lines(Level::Debug, Format::Json, all_levels)[2..],
            [
                r#"{"ts":"TIME","level":"INFO","message":"Connected","fields":{}}"#,
                r#"{"ts":"TIME","level":"DEBUG","message":"request","fields":{"id":7,"method":"tools/call"}}"#,
            ]
        );
    }

    #[test]
    fn debug_and_silent_say_more_and_less() {
        assert_eq!(lines(Level::Normal, Format::Text, all_levels).len(), 3);
        assert_eq!(lines(Level::Silent, Format::Text, all_levels).len(), 1);
    }

    #[test]
    fn other_crates_are_silent_since_they_print_headers() {
        let others = || {
            tracing::error!(target: "rustls::client", "marker");
            tracing::error!(target: "hyper_util", "marker");
            tracing::debug!(target: "h2::codec", "marker");
            tracing::error!(target: "log", "marker");
        };
        assert_eq!(lines(Level::Debug, Format::Text, others), [""; 0]);
    }

    #[test]
    fn a_peer_cannot_forge_a_line_or_reach_the_terminal() {
        let forged = || tracing::info!("a\r\n[mcp-secure-remote x] b\u{1b}[31m\u{9b}c");
        assert_eq!(
            lines(Level::Normal, Format::Text, forged),
            ["[mcp-secure-remote TIME] a  | [mcp-secure-remote x] b [31m c"]
        );
        assert_eq!(lines(Level::Normal, Format::Json, forged).len(), 1);
    }
}

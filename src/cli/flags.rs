//! The flags as clap sees them: names, values, help. What they mean together is in `resolve`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::ColorChoice;
use clap::Parser;
use clap::Subcommand;
use clap::ValueHint;

use crate::cli::certs::CertsFlags;
use crate::cli::completions::CompletionsFlags;
use crate::cli::completions::one_of;
use crate::cli::ide::IdeFlags;
use crate::cli::man::ManFlags;
use crate::cli::probe::ProbeFlags;
use crate::cli::serve::ServeFlags;
use crate::tls::MinVersion;
use crate::transport::fallback::Strategy;

/// Carries MCP messages between a host on standard input and output and the MCP server at
/// <server-url>, over HTTPS with a client certificate
#[derive(Parser)]
#[command(
    name = "mcp-secure-remote",
    version,
    override_usage = "mcp-secure-remote <server-url> [options]\n       mcp-secure-remote probe <server-url> [options]\n       mcp-secure-remote serve [options] -- <command>\n       mcp-secure-remote certs [options]\n       mcp-secure-remote ide <command> [options]\n       mcp-secure-remote demo",
    after_help = format!("{ENVIRONMENT}\n\n{EXIT_CODES}"),
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    color = ColorChoice::Never
)]
pub(super) struct CommandLine {
    #[command(flatten)]
    pub(super) bridge: BridgeFlags,
    #[command(subcommand)]
    pub(super) command: Option<Verb>,
}

/// What is done instead of the bridge.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Show both ends at work on this machine, with throw-away certificates
    #[command(override_usage = "mcp-secure-remote demo [--stdio]")]
    Demo(DemoFlags),
    /// Put a server into the configuration of an IDE or agent, or take it out
    Ide(IdeFlags),
    /// Show what works on the way to a server, what does not, and why
    Probe(Box<ProbeFlags>),
    /// Put an MCP server that speaks stdio behind HTTPS
    Serve(Box<ServeFlags>),
    /// Make certificates for a server and its clients: a private CA
    Certs(Box<CertsFlags>),
    /// Print what a shell needs to complete our words
    Completions(CompletionsFlags),
    /// Print the manual page, or write all of them
    Man(ManFlags),
}

/// The flags of the demonstration.
#[derive(Args)]
pub(super) struct DemoFlags {
    /// Be its server alone, on standard input and output: something to try `serve` with
    #[arg(long)]
    pub(super) stdio: bool,
}

/// The flags of the bridge. An optional one that is absent falls back to its variable.
#[derive(Args, Default, PartialEq)]
pub(super) struct BridgeFlags {
    /// The server's URL; any number is taken here, so that `resolve` can name the one too many
    #[arg(hide = true)]
    pub(super) words: Vec<OsString>,

    /// Header on each request; repeatable. `${VAR}` and `${VAR:-default}` are filled in
    #[arg(long, value_name = "Name: value")]
    pub(super) header: Vec<String>,

    /// File of headers, one `Name: value` a line, `#` starts a comment line
    #[arg(long, value_name = "path", value_hint = ValueHint::FilePath)]
    pub(super) header_file: Option<PathBuf>,

    /// http-first (default), sse-first, http-only or sse-only
    #[arg(long, value_name = "strategy", add = one_of(Strategy::ALL.map(Strategy::as_str)))]
    pub(super) transport: Option<String>,

    /// Permit `http://`; no certificate is sent there
    #[arg(long)]
    pub(super) allow_http: bool,

    /// Longest time to connect: seconds, or `500ms`, `10s`, `2m` (default: 10s)
    #[arg(long, value_name = "time")]
    pub(super) connect_timeout: Option<String>,

    /// Longest wait for the answer to a request (default: no limit)
    #[arg(long, value_name = "time")]
    pub(super) request_timeout: Option<String>,

    /// Largest message: bytes, or `512KiB`, `64MiB`, `1GiB` (default: 16MiB)
    #[arg(long, value_name = "size")]
    pub(super) max_message_size: Option<String>,

    /// Show the host the 404 of a lost session instead of opening a new one
    #[arg(long)]
    pub(super) no_reinitialize: bool,

    /// Log one line for each message; never bodies or secrets
    #[arg(long, help_heading = "Logs, on standard error")]
    pub(super) debug: bool,

    /// Log nothing but errors
    #[arg(long, help_heading = "Logs, on standard error")]
    pub(super) silent: bool,

    /// text (default) or json
    #[arg(
        long,
        value_name = "format",
        help_heading = "Logs, on standard error",
        add = one_of(["text", "json"])
    )]
    pub(super) log_format: Option<String>,

    #[command(flatten)]
    pub(super) tls: TlsFlags,
}

/// The flags about certificates.
#[derive(Args, Default, PartialEq)]
#[command(next_help_heading = "TLS")]
pub(super) struct TlsFlags {
    /// PEM client certificate, then its intermediates
    #[arg(long = "tls-cert", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(super) cert: Option<PathBuf>,

    /// PEM private key of that certificate
    #[arg(long = "tls-key", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(super) key: Option<PathBuf>,

    /// PKCS#12 bundle, instead of the two above
    #[arg(long = "tls-pfx", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(super) pfx: Option<PathBuf>,

    /// Passphrase of the key or bundle. Other users can read the command line: prefer the next flag
    #[arg(long = "tls-passphrase", value_name = "value")]
    pub(super) passphrase: Option<String>,

    /// File that holds the passphrase
    #[arg(long = "tls-passphrase-file", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(super) passphrase_file: Option<PathBuf>,

    /// PEM bundle of CAs, trusted besides those of the system
    #[arg(long = "tls-ca", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(super) ca: Option<PathBuf>,

    /// Trust that bundle alone
    #[arg(
        long = "tls-ca-only",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub(super) ca_only: Option<String>,

    /// Revocation list, PEM or DER; repeatable
    #[arg(long = "tls-crl", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(super) crl: Vec<PathBuf>,

    /// Server name to send and to verify, instead of the host of the URL
    #[arg(long = "tls-servername", value_name = "name")]
    pub(super) servername: Option<String>,

    /// TLSv1.2 (default) or TLSv1.3
    #[arg(
        long = "tls-min-version",
        value_name = "version",
        add = one_of(MinVersion::ALL.map(MinVersion::as_str))
    )]
    pub(super) min_version: Option<String>,

    /// Do not verify the server's certificate. For local development alone
    #[arg(
        long = "tls-insecure-skip-verify",
        visible_alias = "tls-no-verify",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub(super) skip_verify: Option<String>,
}

/// Below the flags of whatever takes those of the bridge.
pub(super) const ENVIRONMENT: &str = "\
Environment, where the flag is absent:
  MCP_REMOTE_TLS_CERT, MCP_REMOTE_TLS_KEY, MCP_REMOTE_TLS_PFX, MCP_REMOTE_TLS_PASSPHRASE,
  MCP_REMOTE_TLS_PASSPHRASE_FILE, MCP_REMOTE_TLS_CA, MCP_REMOTE_TLS_CA_ONLY, MCP_REMOTE_TLS_CRL,
  MCP_REMOTE_TLS_SERVERNAME, MCP_REMOTE_TLS_MIN_VERSION, MCP_REMOTE_TLS_INSECURE
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, also in lower case";

const EXIT_CODES: &str = "\
Exit code: 0 done, 1 failed while running or a file cannot be used, 2 wrong arguments";

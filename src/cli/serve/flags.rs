//! The flags of `serve`, by theme.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::ValueHint;

use crate::cli::completions::one_of;
use crate::tls::MinVersion;

/// The flags of `serve`.
#[derive(Args)]
#[command(
    override_usage = "mcp-secure-remote serve [options] -- <command> [arguments]",
    after_help = AFTER_HELP,
    args_override_self = true
)]
pub(in crate::cli) struct ServeFlags {
    /// Address and port to listen on; repeatable. Port 0 takes a free one (default: 127.0.0.1:8623)
    #[arg(long, value_name = "address:port")]
    pub(super) listen: Vec<String>,

    /// Listen beyond this machine without demanding client certificates
    #[arg(long)]
    pub(super) unsafe_listen: bool,

    /// Address and port for `/healthz`, `/readyz` and `/metrics`, in clear text
    #[arg(long, value_name = "address:port")]
    pub(super) admin: Option<String>,

    /// Let another process listen on the same port, to take over from this one
    #[arg(long)]
    pub(super) reuse_port: bool,

    /// What stands before `/mcp`, `/sse` and `/messages`, as clients see them
    #[arg(long, value_name = "path")]
    pub(super) path_prefix: Option<String>,

    /// One process of the command for all clients
    #[arg(long)]
    pub(super) shared: bool,

    /// TOML file of these flags, such as `max-sessions = 10`; `command = ["npx", "my-server"]`. What is typed wins
    #[arg(long, value_name = "path", value_hint = ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,

    /// Check all flags and files, print what is in force as such a file, and exit
    #[arg(long)]
    pub(super) check: bool,

    /// Ask the server that runs with this `--admin` whether it is ready, and exit (default: 127.0.0.1:9623)
    #[arg(long)]
    pub(super) ready: bool,

    #[command(flatten)]
    pub(super) tls: ServeTlsFlags,

    #[command(flatten)]
    pub(super) who: WhoFlags,

    #[command(flatten)]
    pub(super) child: ChildFlags,

    #[command(flatten)]
    pub(super) limits: LimitFlags,

    #[command(flatten)]
    pub(super) log: LogFlags,

    /// The MCP server, which speaks stdio, and its arguments. There is no shell
    #[arg(last = true, value_name = "command", value_hint = ValueHint::FilePath)]
    pub(super) command: Vec<OsString>,
}

/// What the server shows, and whom it trusts.
#[derive(Args)]
#[command(next_help_heading = "TLS")]
pub(in crate::cli) struct ServeTlsFlags {
    /// PEM server certificate, then its intermediates
    #[arg(long = "tls-cert", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) cert: Option<PathBuf>,

    /// PEM private key of that certificate
    #[arg(long = "tls-key", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) key: Option<PathBuf>,

    /// PKCS#12 bundle, instead of the two above
    #[arg(long = "tls-pfx", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) pfx: Option<PathBuf>,

    /// File that holds the passphrase of the key or bundle
    #[arg(long = "tls-passphrase-file", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) passphrase_file: Option<PathBuf>,

    /// PEM bundle of the CAs that issue client certificates, which are then demanded
    #[arg(long = "tls-client-ca", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) client_ca: Option<PathBuf>,

    /// Revocation list for client certificates, PEM or DER; repeatable
    #[arg(long = "tls-crl", value_name = "path", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) crl: Vec<PathBuf>,

    /// Go on with a revocation list whose successor is due
    #[arg(long = "tls-allow-expired-crl")]
    pub(in crate::cli) allow_expired_crl: bool,

    /// TLSv1.2 (default) or TLSv1.3
    #[arg(
        long = "tls-min-version",
        value_name = "version",
        add = one_of(MinVersion::ALL.map(MinVersion::as_str))
    )]
    pub(in crate::cli) min_version: Option<String>,
}

/// Who is let in.
#[derive(Args)]
#[command(
    next_help_heading = "Who is let in: one rule that fits is enough; without any, each certificate of the CA"
)]
pub(super) struct WhoFlags {
    /// Common name of a client certificate; repeatable
    #[arg(long, value_name = "name")]
    pub(super) allow_cn: Vec<String>,

    /// Organizational unit of a client certificate; repeatable
    #[arg(long, value_name = "name")]
    pub(super) allow_ou: Vec<String>,

    /// DNS name of a client certificate; repeatable
    #[arg(long, value_name = "name")]
    pub(super) allow_dns: Vec<String>,

    /// URI of a client certificate; `*` is one segment, `**` one or more; repeatable
    #[arg(long, value_name = "uri")]
    pub(super) allow_uri: Vec<String>,

    /// SHA-256 fingerprint of a client certificate; repeatable
    #[arg(long, value_name = "hex")]
    pub(super) allow_fingerprint: Vec<String>,

    /// Name of this server in the `Host` header, besides its addresses and localhost; repeatable
    #[arg(long, value_name = "host")]
    pub(super) allow_host: Vec<String>,

    /// Web page that may call, such as `https://app.example`; repeatable
    #[arg(long, value_name = "origin")]
    pub(super) allow_origin: Vec<String>,
}

/// How the command is run.
#[derive(Args)]
#[command(next_help_heading = "The command")]
pub(super) struct ChildFlags {
    /// Variable that the command gets from our environment; repeatable
    #[arg(long, value_name = "name")]
    pub(super) pass_env: Vec<String>,

    /// Variable for the command; repeatable. Other users can read the command line
    #[arg(long, value_name = "name=value")]
    pub(super) env: Vec<OsString>,

    /// Folder that the command runs in
    #[arg(long, value_name = "folder", value_hint = ValueHint::DirPath)]
    pub(super) directory: Option<PathBuf>,

    /// From the end of its input to SIGTERM (default: 5s)
    #[arg(long, value_name = "time")]
    pub(super) exit_timeout: Option<String>,

    /// From SIGTERM to SIGKILL (default: 5s)
    #[arg(long, value_name = "time")]
    pub(super) kill_timeout: Option<String>,

    /// Largest message of the command: bytes, or `512KiB`, `64MiB` (default: 16MiB)
    #[arg(long, value_name = "size")]
    pub(super) max_message_size: Option<String>,
}

/// How much of everything.
#[derive(Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitFlags {
    /// Connections at the same time (default: 2048)
    #[arg(long, value_name = "number")]
    pub(super) max_connections: Option<String>,

    /// Sessions, and processes of the command, at the same time (default: 100)
    #[arg(long, value_name = "number")]
    pub(super) max_sessions: Option<String>,

    /// Sessions of one client certificate at the same time (default: 20)
    #[arg(long, value_name = "number")]
    pub(super) max_sessions_per_client: Option<String>,

    /// Requests of one session that wait for their answer; of one client certificate in the newest
    /// protocol version (default: 256)
    #[arg(long, value_name = "number")]
    pub(super) max_requests: Option<String>,

    /// Longest wait for the answer of the command to a request (default: no limit)
    #[arg(long, value_name = "time")]
    pub(super) request_timeout: Option<String>,

    /// Processes that start at the same time (default: 8)
    #[arg(long, value_name = "number")]
    pub(super) max_starting: Option<String>,

    /// Largest request of a client: bytes, or `512KiB`, `64MiB` (default: 4MiB)
    #[arg(long, value_name = "size")]
    pub(super) max_body_size: Option<String>,

    /// A session that is not used ends (default: 30m)
    #[arg(long, value_name = "time")]
    pub(super) session_idle_timeout: Option<String>,

    /// A session ends, used or not (default: 1 day)
    #[arg(long, value_name = "time")]
    pub(super) session_lifetime: Option<String>,

    /// A connection without a request is closed (default: 5m)
    #[arg(long, value_name = "time")]
    pub(super) idle_timeout: Option<String>,

    /// For the TLS handshake (default: 10s)
    #[arg(long, value_name = "time")]
    pub(super) handshake_timeout: Option<String>,

    /// For what runs when the server is to stop (default: 15s)
    #[arg(long, value_name = "time")]
    pub(super) shutdown_timeout: Option<String>,
}

/// What is logged.
#[derive(Args)]
#[command(next_help_heading = "Logs, on standard error")]
pub(super) struct LogFlags {
    /// Log one line for each message; never bodies or secrets
    #[arg(long)]
    pub(super) debug: bool,

    /// Log nothing but errors
    #[arg(long)]
    pub(super) silent: bool,

    /// text (default) or json
    #[arg(long, value_name = "format", add = one_of(["text", "json"]))]
    pub(super) log_format: Option<String>,
}

const AFTER_HELP: &str = "\
Environment, where the flag is absent:
  MCP_REMOTE_TLS_CERT, MCP_REMOTE_TLS_KEY, MCP_REMOTE_TLS_PFX, MCP_REMOTE_TLS_PASSPHRASE,
  MCP_REMOTE_TLS_PASSPHRASE_FILE, MCP_REMOTE_TLS_CLIENT_CA, MCP_REMOTE_TLS_CRL,
  MCP_REMOTE_TLS_MIN_VERSION

A flag that is typed wins over the file of --config, and that over a variable. Relative paths in the
file are relative to its folder.

Signals: SIGTERM and SIGINT stop in good order, a second one at once; SIGHUP reads the TLS files anew

Exit code: 0 stopped, or ready, 1 failed while running, not ready, or a file cannot be used,
2 wrong arguments";

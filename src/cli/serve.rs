//! The flags of `serve`, and what they mean together.

mod effective;
mod file;
mod manager;
mod places;
mod typed;

use std::ffi::OsString;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use clap::Parser;

use crate::auth::Allowed;
use crate::auth::Rules;
use crate::cli::Refusal;
use crate::cli::environment::Environment;
use crate::cli::flags::CommandLine;
use crate::cli::flags::Verb;
use crate::cli::log::LogOptions;
use crate::cli::quantity;
use crate::cli::resolve::Warning;
use crate::cli::resolve::log_options;
use crate::cli::serve::file::ConfigFile;
use crate::cli::serve::places::Places;
use crate::cli::serve::typed::Typed;
use crate::cli::tls;
use crate::cli::usage::AFTER_DASHES;
use crate::cli::usage::UsageError;
use crate::command::serve::Limits;
use crate::command::serve::ServeConfig;
use crate::limits;
use crate::report::Report;
use crate::tls::ServerOptions;
use crate::transport::http_listener::Hosts;
use crate::transport::http_listener::Origins;
use crate::transport::process::ProcessConfig;
use crate::transport::process::child_environment;
use crate::transport::process::watchdog::WatchdogProgram;

/// The port, of any address, where nothing else is asked for.
const DEFAULT_LISTEN: &str = "127.0.0.1:8623";

/// The flags of `serve`.
#[derive(Args)]
#[command(
    override_usage = "mcp-secure-remote serve [options] -- <command> [arguments]",
    after_help = AFTER_HELP,
    args_override_self = true
)]
pub(super) struct ServeFlags {
    /// Address and port to listen on; repeatable. Port 0 takes a free one (default: 127.0.0.1:8623)
    #[arg(long, value_name = "address:port")]
    listen: Vec<String>,

    /// Listen beyond this machine without demanding client certificates
    #[arg(long)]
    unsafe_listen: bool,

    /// Address and port for `/healthz`, `/readyz` and `/metrics`, in clear text
    #[arg(long, value_name = "address:port")]
    admin: Option<String>,

    /// Let another process listen on the same port, to take over from this one
    #[arg(long)]
    reuse_port: bool,

    /// What stands before `/mcp`, `/sse` and `/messages`, as clients see them
    #[arg(long, value_name = "path")]
    path_prefix: Option<String>,

    /// One process of the command for all clients
    #[arg(long)]
    shared: bool,

    /// TOML file of these flags, such as `max-sessions = 10`; `command = ["npx", "my-server"]`. What is typed wins
    #[arg(long, value_name = "path")]
    config: Option<PathBuf>,

    /// Check all flags and files, print what is in force as such a file, and exit
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    tls: ServeTlsFlags,

    #[command(flatten)]
    who: WhoFlags,

    #[command(flatten)]
    child: ChildFlags,

    #[command(flatten)]
    limits: LimitFlags,

    #[command(flatten)]
    log: LogFlags,

    /// The MCP server, which speaks stdio, and its arguments. There is no shell
    #[arg(last = true, value_name = "command")]
    command: Vec<OsString>,
}

/// What the server shows, and whom it trusts.
#[derive(Args)]
#[command(next_help_heading = "TLS")]
pub(super) struct ServeTlsFlags {
    /// PEM server certificate, then its intermediates
    #[arg(long = "tls-cert", value_name = "path")]
    pub(super) cert: Option<PathBuf>,

    /// PEM private key of that certificate
    #[arg(long = "tls-key", value_name = "path")]
    pub(super) key: Option<PathBuf>,

    /// PKCS#12 bundle, instead of the two above
    #[arg(long = "tls-pfx", value_name = "path")]
    pub(super) pfx: Option<PathBuf>,

    /// File that holds the passphrase of the key or bundle
    #[arg(long = "tls-passphrase-file", value_name = "path")]
    pub(super) passphrase_file: Option<PathBuf>,

    /// PEM bundle of the CAs that issue client certificates, which are then demanded
    #[arg(long = "tls-client-ca", value_name = "path")]
    pub(super) client_ca: Option<PathBuf>,

    /// Revocation list for client certificates, PEM or DER; repeatable
    #[arg(long = "tls-crl", value_name = "path")]
    pub(super) crl: Vec<PathBuf>,

    /// Go on with a revocation list whose successor is due
    #[arg(long = "tls-allow-expired-crl")]
    pub(super) allow_expired_crl: bool,

    /// TLSv1.2 (default) or TLSv1.3
    #[arg(long = "tls-min-version", value_name = "version")]
    pub(super) min_version: Option<String>,
}

/// Who is let in.
#[derive(Args)]
#[command(
    next_help_heading = "Who is let in: one rule that fits is enough; without any, each certificate of the CA"
)]
struct WhoFlags {
    /// Common name of a client certificate; repeatable
    #[arg(long, value_name = "name")]
    allow_cn: Vec<String>,

    /// Organizational unit of a client certificate; repeatable
    #[arg(long, value_name = "name")]
    allow_ou: Vec<String>,

    /// DNS name of a client certificate; repeatable
    #[arg(long, value_name = "name")]
    allow_dns: Vec<String>,

    /// URI of a client certificate; `*` is one segment, `**` one or more; repeatable
    #[arg(long, value_name = "uri")]
    allow_uri: Vec<String>,

    /// SHA-256 fingerprint of a client certificate; repeatable
    #[arg(long, value_name = "hex")]
    allow_fingerprint: Vec<String>,

    /// Name of this server in the `Host` header, besides its addresses and localhost; repeatable
    #[arg(long, value_name = "host")]
    allow_host: Vec<String>,

    /// Web page that may call, such as `https://app.example`; repeatable
    #[arg(long, value_name = "origin")]
    allow_origin: Vec<String>,
}

/// How the command is run.
#[derive(Args)]
#[command(next_help_heading = "The command")]
struct ChildFlags {
    /// Variable that the command gets from our environment; repeatable
    #[arg(long, value_name = "name")]
    pass_env: Vec<String>,

    /// Variable for the command; repeatable. Other users can read the command line
    #[arg(long, value_name = "name=value")]
    env: Vec<OsString>,

    /// Folder that the command runs in
    #[arg(long, value_name = "folder")]
    directory: Option<PathBuf>,

    /// From the end of its input to SIGTERM (default: 5s)
    #[arg(long, value_name = "time")]
    exit_timeout: Option<String>,

    /// From SIGTERM to SIGKILL (default: 5s)
    #[arg(long, value_name = "time")]
    kill_timeout: Option<String>,

    /// Largest message of the command: bytes, or `512KiB`, `64MiB` (default: 16MiB)
    #[arg(long, value_name = "size")]
    max_message_size: Option<String>,
}

/// How much of everything.
#[derive(Args)]
#[command(next_help_heading = "Limits")]
struct LimitFlags {
    /// Connections at the same time (default: 2048)
    #[arg(long, value_name = "number")]
    max_connections: Option<String>,

    /// Sessions, and processes of the command, at the same time (default: 100)
    #[arg(long, value_name = "number")]
    max_sessions: Option<String>,

    /// Sessions of one client certificate at the same time (default: 20)
    #[arg(long, value_name = "number")]
    max_sessions_per_client: Option<String>,

    /// Requests of one session that wait for their answer; of one client certificate in the newest
    /// protocol version (default: 256)
    #[arg(long, value_name = "number")]
    max_requests: Option<String>,

    /// Longest wait for the answer of the command to a request (default: no limit)
    #[arg(long, value_name = "time")]
    request_timeout: Option<String>,

    /// Processes that start at the same time (default: 8)
    #[arg(long, value_name = "number")]
    max_starting: Option<String>,

    /// Largest request of a client: bytes, or `512KiB`, `64MiB` (default: 4MiB)
    #[arg(long, value_name = "size")]
    max_body_size: Option<String>,

    /// A session that is not used ends (default: 30m)
    #[arg(long, value_name = "time")]
    session_idle_timeout: Option<String>,

    /// A session ends, used or not (default: 1 day)
    #[arg(long, value_name = "time")]
    session_lifetime: Option<String>,

    /// A connection without a request is closed (default: 5m)
    #[arg(long, value_name = "time")]
    idle_timeout: Option<String>,

    /// For the TLS handshake (default: 10s)
    #[arg(long, value_name = "time")]
    handshake_timeout: Option<String>,

    /// For what runs when the server is to stop (default: 15s)
    #[arg(long, value_name = "time")]
    shutdown_timeout: Option<String>,
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
    #[arg(long, value_name = "format")]
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

Exit code: 0 stopped, 1 failed while running or a file cannot be used, 2 wrong arguments";

/// What is done with the server.
#[derive(Debug)]
pub(super) enum Asked {
    /// It runs.
    Run(ServeInvocation),
    /// Its files are checked, and this is printed.
    Check(ServeInvocation, String),
}

/// Reads the file of `--config`, if there is one, then as [`resolve`]. `args` is the command line
/// that `flags` stand for.
pub(super) fn read(
    flags: ServeFlags,
    args: &[OsString],
    env: &Environment,
) -> Result<Asked, Refusal> {
    let is_check = flags.check;
    let none = Places::default();
    let Some(path) = flags.config.clone() else { return asked(flags, args, is_check, env, &none) };
    let file = ConfigFile::read(&path)?;
    let Some(typed) = Typed::read(args) else { return asked(flags, args, is_check, env, &none) };
    let merged = file.merged(args, &typed);
    let places = file.places(&typed);
    let explain = |refusal| match refusal {
        Refusal::Usage(error) => Refusal::Usage(places.usage(error)),
        Refusal::Failed(report) => Refusal::Failed(places.report(report)),
    };
    match CommandLine::try_parse_from(&merged) {
        Ok(CommandLine { command: Some(Verb::Serve(flags)), .. }) => {
            asked(*flags, &merged, is_check, env, &places).map_err(explain)
        }
        // What was typed was right, and the types of what was added, too.
        Ok(_) => Err(UsageError::new("the file of --config cannot be used").into()),
        Err(error) => Err(explain(UsageError::from_clap(&error, &merged).into())),
    }
}

fn asked(
    flags: ServeFlags,
    args: &[OsString],
    is_check: bool,
    env: &Environment,
    places: &Places,
) -> Result<Asked, Refusal> {
    let invocation = ServeInvocation { places: places.clone(), ..resolve(flags, env)? };
    let Some(typed) = Typed::read(args).filter(|_| is_check) else {
        return Ok(Asked::Run(invocation));
    };
    let text = effective::text(&typed, &invocation.config, env);
    Ok(Asked::Check(invocation, text))
}

/// The server that the user asked for.
#[derive(Debug)]
pub struct ServeInvocation {
    /// What it is to do.
    pub config: ServeConfig,
    /// How the program logs.
    pub log: LogOptions,
    /// What the user should know before it starts.
    pub warnings: Vec<Warning>,
    /// Where the file of `--config` sets what.
    pub(super) places: Places,
}

/// Checks all arguments, then reads the files that are needed here.
fn resolve(flags: ServeFlags, env: &Environment) -> Result<ServeInvocation, Refusal> {
    let log = log_options(flags.log.debug, flags.log.silent, flags.log.log_format.as_deref())?;
    // Whoever only checks leaves the sockets to who is to run.
    let inherited = if flags.check { Vec::new() } else { manager::sockets(env)? };
    let listen = addresses(&flags.listen, inherited.is_empty())?;
    let admin = flags.admin.as_deref().map(|text| address("--admin", text)).transpose()?;
    let manager = manager::manager(env);
    let allowed = Allowed {
        common_names: flags.who.allow_cn,
        organizational_units: flags.who.allow_ou,
        dns_names: flags.who.allow_dns,
        uris: flags.who.allow_uri,
        fingerprints: flags.who.allow_fingerprint,
    };
    let rules = Rules::parse(&allowed).map_err(usage)?;
    let allowed_hosts = Hosts::parse(&flags.who.allow_host).map_err(usage)?;
    let origins = Origins::parse(&flags.who.allow_origin).map_err(usage)?;
    let limits = limits(&flags.limits)?;
    let shutdown_timeout = time(
        "--shutdown-timeout",
        flags.limits.shutdown_timeout.as_deref(),
        limits::SHUTDOWN_TIMEOUT,
    )?;
    let path_prefix = path_prefix(flags.path_prefix.as_deref())?;
    let passed = flags.child.pass_env.clone();
    let process = process(flags.command, flags.child, env)?;
    let tls = tls::resolve_server(flags.tls, env)?;
    let given = inherited.iter().filter_map(|socket| socket.local_addr().ok());
    let all: Vec<_> = listen.iter().copied().chain(given).collect();
    let mut warnings = check_exposure(&all, tls.as_ref(), &rules, flags.unsafe_listen)?;
    warnings.extend(check_admin(admin, flags.unsafe_listen)?);
    warnings.extend(passed.iter().filter_map(|name| unset(name, &process)));
    let watchdog = WatchdogProgram::this_program()
        .map_err(|error| Report::new("cannot find this program").cause(error.to_string()))?;
    let config = ServeConfig {
        listen,
        inherited,
        admin,
        manager,
        reuse_port: flags.reuse_port,
        tls,
        rules,
        allowed_hosts,
        origins,
        path_prefix,
        process,
        watchdog,
        shared: flags.shared,
        limits,
        shutdown_timeout,
    };
    Ok(ServeInvocation { config, log, warnings, places: Places::default() })
}

fn addresses(texts: &[String], needs_one: bool) -> Result<Vec<SocketAddr>, UsageError> {
    if texts.is_empty() && needs_one {
        return Ok(vec![address("--listen", DEFAULT_LISTEN)?]);
    }
    texts.iter().map(|text| address("--listen", text)).collect()
}

fn address(flag: &str, text: &str) -> Result<SocketAddr, UsageError> {
    text.parse().map_err(|_| {
        UsageError::new(format!("{flag} must be an address and a port: {text}"))
            .hint("for example `127.0.0.1:8623`, `0.0.0.0:8623` or `[::]:8623`")
    })
}

/// Who calls is not asked there, and the numbers say who is busy with what.
fn check_admin(admin: Option<SocketAddr>, insists: bool) -> Result<Option<Warning>, UsageError> {
    let exposed = admin.filter(|address| !is_loopback(address.ip()));
    let Some(address) = exposed else { return Ok(None) };
    if !insists {
        return Err(UsageError::new(format!("Refusing to show --admin on {address}."))
            .hint("pass an address of this machine such as `127.0.0.1:9623`, or --unsafe-listen"));
    }
    let text = format!("WARNING: anybody who reaches {address} can see the state of this server.");
    Ok(Some(Warning { text, always: true }))
}

/// Nobody is let in from elsewhere who does not show who he is, unless the user insists.
fn check_exposure(
    listen: &[SocketAddr],
    tls: Option<&ServerOptions>,
    rules: &Rules,
    insists: bool,
) -> Result<Vec<Warning>, UsageError> {
    let demands_certificate = tls.is_some_and(|tls| tls.client_ca.is_some());
    if !rules.is_empty() && !demands_certificate {
        return Err(UsageError::new("--allow-... rules require --tls-client-ca.")
            .hint("they are about client certificates, which are demanded only with it"));
    }
    let exposed = listen.iter().find(|address| !is_loopback(address.ip()));
    let Some(address) = exposed.filter(|_| !demands_certificate) else { return Ok(Vec::new()) };
    if !insists {
        return Err(UsageError::new(format!(
            "Refusing to listen on {address} without client certificates."
        ))
        .hint(
            "anybody who reaches it could run the command: pass --tls-cert, --tls-key and \
             --tls-client-ca (`mcp-secure-remote certs` makes them), or --unsafe-listen",
        ));
    }
    let text = format!("WARNING: anybody who reaches {address} can run the command.");
    Ok(vec![Warning { text, always: true }])
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|it| it.is_loopback())
        }
    }
}

fn path_prefix(text: Option<&str>) -> Result<String, UsageError> {
    let text = text.unwrap_or_default().trim_end_matches('/');
    let is_path = text.is_empty() || text.starts_with('/');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    if is_path && text.bytes().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(UsageError::new("--path-prefix must be a path").hint("for example `/tools/files`"))
}

fn process(
    command: Vec<OsString>,
    flags: ChildFlags,
    env: &Environment,
) -> Result<ProcessConfig, UsageError> {
    let mut command = command.into_iter();
    let Some(program) = command.next().filter(|program| !program.is_empty()) else {
        return Err(UsageError::new("Missing the command of the MCP server").hint(AFTER_DASHES));
    };
    if let Some(name) = flags.pass_env.iter().find(|name| name.is_empty() || name.contains('=')) {
        let name = name.split('=').next().unwrap_or_default();
        return Err(UsageError::new(format!("--pass-env must be the name of a variable: {name}"))
            .hint("`--env NAME=value` gives a variable a value"));
    }
    let set: Vec<_> = flags.env.iter().map(variable).collect::<Result<_, _>>()?;
    let exit_grace = time("--exit-timeout", flags.exit_timeout.as_deref(), limits::EXIT_GRACE)?;
    let kill_grace = time("--kill-timeout", flags.kill_timeout.as_deref(), limits::KILL_GRACE)?;
    let max_message = match &flags.max_message_size {
        Some(text) => quantity::size("--max-message-size", text)?,
        None => limits::MAX_MESSAGE_BYTES,
    };
    Ok(ProcessConfig {
        program,
        args: command.collect(),
        directory: flags.directory,
        environment: child_environment(env.all(), &flags.pass_env, &set),
        max_message,
        exit_grace,
        kill_grace,
    })
}

/// The command may miss what it was to get.
fn unset(name: &str, process: &ProcessConfig) -> Option<Warning> {
    let is_it = |(other, _): &(OsString, OsString)| match cfg!(windows) {
        true => other.eq_ignore_ascii_case(name),
        false => other == name,
    };
    let text = format!("WARNING: --pass-env {name}: there is no such variable to pass.");
    (!process.environment.iter().any(is_it)).then_some(Warning { text, always: false })
}

fn variable(text: &OsString) -> Result<(String, OsString), UsageError> {
    let malformed = || UsageError::new("--env must be a name and a value: NAME=value");
    let text = text.to_str().ok_or_else(malformed)?;
    let (name, value) = text.split_once('=').ok_or_else(malformed)?;
    if name.is_empty() {
        return Err(malformed());
    }
    Ok((name.to_owned(), value.into()))
}

fn limits(flags: &LimitFlags) -> Result<Limits, UsageError> {
    let LimitFlags { session_idle_timeout: idle, session_lifetime: lifetime, .. } = flags;
    let body = match &flags.max_body_size {
        Some(text) => quantity::size("--max-body-size", text)?,
        None => limits::MAX_BODY_BYTES,
    };
    let sessions = count("--max-sessions", flags.max_sessions.as_deref(), limits::MAX_SESSIONS)?;
    Ok(Limits {
        connections: count(
            "--max-connections",
            flags.max_connections.as_deref(),
            limits::MAX_CONNECTIONS,
        )?,
        sessions,
        sessions_each: count(
            "--max-sessions-per-client",
            flags.max_sessions_per_client.as_deref(),
            limits::MAX_SESSIONS_EACH,
        )?,
        requests: count("--max-requests", flags.max_requests.as_deref(), limits::MAX_REQUESTS)?,
        request_timeout: flags
            .request_timeout
            .as_deref()
            .map(|text| quantity::time("--request-timeout", text))
            .transpose()?,
        starting: count("--max-starting", flags.max_starting.as_deref(), limits::MAX_STARTING)?,
        body,
        session_idle: time("--session-idle-timeout", idle.as_deref(), limits::SESSION_IDLE)?,
        session_lifetime: time(
            "--session-lifetime",
            lifetime.as_deref(),
            limits::SESSION_LIFETIME,
        )?,
        idle_timeout: time(
            "--idle-timeout",
            flags.idle_timeout.as_deref(),
            limits::CONNECTION_IDLE,
        )?,
        handshake_timeout: time(
            "--handshake-timeout",
            flags.handshake_timeout.as_deref(),
            limits::HANDSHAKE_TIMEOUT,
        )?,
    })
}

fn count(flag: &str, text: Option<&str>, default: usize) -> Result<usize, UsageError> {
    text.map_or(Ok(default), |text| quantity::count(flag, text))
}

fn time(
    flag: &str,
    text: Option<&str>,
    default: std::time::Duration,
) -> Result<std::time::Duration, UsageError> {
    text.map_or(Ok(default), |text| quantity::time(flag, text))
}

/// What was typed wrongly is wrong arguments, whoever found it.
fn usage(report: Report) -> UsageError {
    let cause = report.cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    let error = UsageError::new(format!("{}{cause}", report.error));
    match report.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

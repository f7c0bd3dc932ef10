//! Flags and variables -> the configuration of the bridge: precedence, defaults, clashes.

use std::ffi::OsString;
use std::path::Path;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use url::Url;

use crate::cli::Refusal;
use crate::cli::environment::Environment;
use crate::cli::files;
use crate::cli::flags::BridgeFlags;
use crate::cli::header;
use crate::cli::log::Format;
use crate::cli::log::Level;
use crate::cli::log::LogOptions;
use crate::cli::quantity;
use crate::cli::server_url;
use crate::cli::tls;
use crate::cli::usage;
use crate::cli::usage::UsageError;
use crate::command::bridge::BridgeConfig;
use crate::limits;
use crate::tls::ClientOptions;
use crate::transport::fallback::Strategy;
use crate::transport::http::Proxies;
use crate::transport::http::ProxyAddress;
use crate::transport::http::RemoteConfig;

/// The bridge that the user asked for.
#[derive(Debug)]
pub struct Invocation {
    /// What the bridge is to do.
    pub config: BridgeConfig,
    /// How the program logs.
    pub log: LogOptions,
    /// What the user should know before it starts.
    pub warnings: Vec<Warning>,
}

/// A sentence about a setting that gives something up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Starts with `WARNING: `.
    pub text: String,
    /// Shown in spite of `--silent`.
    pub always: bool,
}

/// Checks all arguments, then reads the files that are needed here. `args` are the words as typed.
pub(super) fn resolve(
    flags: BridgeFlags,
    args: &[OsString],
    env: &Environment,
) -> Result<Invocation, Refusal> {
    let mut headers = HeaderMap::new();
    let mut warnings = passphrase_warning(&flags);
    let typed = typed_headers(&flags.header, env, &mut warnings)?;
    let log = log_options(flags.debug, flags.silent, flags.log_format.as_deref())?;
    let strategy = strategy(flags.transport.as_deref())?;
    let connect_timeout = match &flags.connect_timeout {
        Some(text) => quantity::time("--connect-timeout", text)?,
        None => limits::CONNECT_TIMEOUT,
    };
    let request_timeout =
        flags.request_timeout.map(|text| quantity::time("--request-timeout", &text)).transpose()?;
    let max_message_size = match &flags.max_message_size {
        Some(text) => quantity::size("--max-message-size", text)?,
        None => limits::MAX_MESSAGE_BYTES,
    };
    let url = server_url(&flags.words, flags.allow_http, args)?;
    let tls = tls::resolve(flags.tls, env)?;
    if let Some(path) = &flags.header_file {
        let text = files::read("--header-file", path, limits::HEADER_FILE_BYTES)?;
        header::parse_file(&text, env, &mut headers).map_err(|error| in_file(error, path))?;
    }
    // The command line is nearer to the user than a file.
    for header in typed {
        header::add(&mut headers, header)?;
    }
    warnings.extend(url_warning(&url));
    warnings.extend(tls_warnings(&url, &tls));
    let remote = RemoteConfig { url, headers, connect_timeout, proxies: proxies(env)? };
    let reinitialize = !flags.no_reinitialize;
    let config =
        BridgeConfig { remote, strategy, tls, max_message_size, request_timeout, reinitialize };
    Ok(Invocation { config, log, warnings })
}

fn in_file(mut error: UsageError, path: &Path) -> UsageError {
    error.text = format!("Header file '{}', {}", path.display(), error.text);
    error
}

fn typed_headers(
    texts: &[String],
    env: &Environment,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<(HeaderName, HeaderValue)>, UsageError> {
    let mut headers = Vec::new();
    for text in texts {
        let (name, value) = header::parse(text, env)?;
        if header::names_a_secret(&name) && !value.is_empty() && !text.contains("${") {
            warnings.push(on_command_line(
                &format!("the value of header '{name}'"),
                "use --header-file, or `${VAR}` in the value",
            ));
        }
        headers.push((name, value));
    }
    Ok(headers)
}

/// A URL is logged and shown in more places than a header.
pub(super) fn url_warning(url: &Url) -> Option<Warning> {
    let mut query = url.query_pairs();
    let holds = query.any(|(name, value)| {
        header::speaks_of_a_secret(&name.to_ascii_lowercase()) && !value.is_empty()
    });
    let safer = "use --header-file, if the server takes it in a header,";
    holds.then(|| on_command_line("a secret in the query of the URL", safer))
}

fn passphrase_warning(flags: &BridgeFlags) -> Vec<Warning> {
    let typed = flags.tls.passphrase.as_ref().is_some_and(|text| !text.is_empty());
    let safer = "use --tls-passphrase-file or MCP_REMOTE_TLS_PASSPHRASE";
    typed.then(|| on_command_line("the value of --tls-passphrase", safer)).into_iter().collect()
}

fn on_command_line(what: &str, safer: &str) -> Warning {
    let text = format!(
        "WARNING: {what} is on the command line, where other users can read it; {safer} instead."
    );
    Warning { text, always: false }
}

fn tls_warnings(url: &Url, tls: &ClientOptions) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if url.scheme() == "http" && tls::is_customized(tls) {
        let text = "WARNING: mTLS options supplied with http:// URL; client certificate will NOT \
                    be sent over plain HTTP."
            .to_owned();
        warnings.push(Warning { text, always: false });
    }
    if tls.skip_verify {
        let text = "WARNING: TLS server certificate verification disabled. This is insecure; use \
                    only for local development."
            .to_owned();
        warnings.push(Warning { text, always: true });
    }
    warnings
}

/// The server's URL, which is the only word; `args` are all words as typed.
pub(super) fn server_url(
    words: &[OsString],
    allow_http: bool,
    args: &[OsString],
) -> Result<Url, UsageError> {
    let text = |word: &OsString| word.to_string_lossy().into_owned();
    match words {
        [] => Err(UsageError::new("Missing required positional argument: <server-url>")),
        [word] if usage::spilled_from(args, &text(word)).is_some() => {
            Err(usage::unexpected_word(args, &text(word)))
        }
        [word] => server_url::parse(&text(word), allow_http),
        [_, surplus, ..] => Err(usage::unexpected_word(args, &text(surplus))),
    }
}

fn strategy(typed: Option<&str>) -> Result<Strategy, UsageError> {
    let Some(typed) = typed else { return Ok(Strategy::default()) };
    Strategy::ALL.into_iter().find(|it| it.as_str() == typed).ok_or_else(|| {
        UsageError::new("--transport must be one of http-first, sse-first, http-only, sse-only")
    })
}

/// How the program logs.
pub(super) fn log_options(
    debug: bool,
    silent: bool,
    format: Option<&str>,
) -> Result<LogOptions, UsageError> {
    let level = match (debug, silent) {
        (true, true) => {
            return Err(UsageError::new("Use either --debug OR --silent, not both."));
        }
        (true, false) => Level::Debug,
        (false, true) => Level::Silent,
        (false, false) => Level::Normal,
    };
    let format = match format {
        None | Some("text") => Format::Text,
        Some("json") => Format::Json,
        Some(_) => return Err(UsageError::new("--log-format must be one of text, json")),
    };
    Ok(LogOptions { level, format })
}

/// The lower-case name wins, as with curl and Python.
fn proxies(env: &Environment) -> Result<Proxies, UsageError> {
    let given = |lower: &str| {
        let sources = [lower.to_owned(), lower.to_ascii_uppercase()];
        let found = sources.iter().find_map(|source| env.named(source));
        let Some((source, value)) = found else { return Ok(None) };
        let source = source.display().to_string();
        match value.to_str() {
            Some(text) => Ok(Some(ProxyAddress { text: text.to_owned(), source })),
            None => Err(UsageError::new(format!("{source} is not UTF-8"))),
        }
    };
    let proxy = |lower: &str| match (given(lower)?, given("all_proxy")?) {
        (Some(address), _) | (None, Some(address)) => checked_proxy(address),
        (None, None) => Ok(ProxyAddress::default()),
    };
    let no_proxy = given("no_proxy")?.unwrap_or_default();
    Ok(Proxies::new(proxy("https_proxy")?, proxy("http_proxy")?, &no_proxy.text))
}

/// A proxy that cannot be understood must not mean no proxy. Its address is never repeated: it may
/// hold a password.
fn checked_proxy(address: ProxyAddress) -> Result<ProxyAddress, UsageError> {
    let ProxyAddress { text, source } = &address;
    let full = if text.contains("://") { text.clone() } else { format!("http://{text}") };
    let usable = Url::parse(&full).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && matches!(url.path(), "" | "/")
    });
    if usable {
        return Ok(address);
    }
    let text = format!("{source} is not the address of a proxy, such as http://proxy.example:3128");
    Err(UsageError::new(text))
}

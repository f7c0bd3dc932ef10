//! The TLS flags and variables -> [`ClientOptions`]: who wins, and what cannot go together.

use std::path::PathBuf;

use crate::cli::Refusal;
use crate::cli::environment::Environment;
use crate::cli::files;
use crate::cli::flags::TlsFlags;
use crate::cli::quantity;
use crate::cli::usage::UsageError;
use crate::limits;
use crate::secret::Secret;
use crate::tls::ClientOptions;
use crate::tls::IdentitySource;
use crate::tls::MinVersion;
use crate::tls::check_server_name;

/// A flag wins over its variable. A flag for one kind of identity, or of passphrase, switches the
/// variables of the other kind off.
pub(super) fn resolve(flags: TlsFlags, env: &Environment) -> Result<ClientOptions, Refusal> {
    let min_version = min_version(&flags, env)?;
    let skip_verify = switch(
        "--tls-insecure-skip-verify",
        flags.skip_verify.as_deref(),
        "MCP_REMOTE_TLS_INSECURE",
        env,
    )?;
    let ca_only = ca_only(flags.ca_only.as_deref(), env)?;
    let identity = identity(flags.cert, flags.key, flags.pfx, env)?;
    let passphrase = passphrase(flags.passphrase, flags.passphrase_file, env)?;
    if identity.is_none() && passphrase.as_ref().is_some_and(|p| !p.is_empty()) {
        return Err(UsageError::new(
            "--tls-passphrase requires --tls-pfx OR --tls-cert/--tls-key; passphrase alone has \
             nothing to decrypt.",
        )
        .into());
    }
    let ca = flags.ca.or_else(|| path("MCP_REMOTE_TLS_CA", env));
    if ca_only && ca.is_none() {
        return Err(UsageError::new("--tls-ca-only requires --tls-ca.").into());
    }
    Ok(ClientOptions {
        passphrase: passphrase.filter(|_| identity.is_some()).map(Passphrase::read).transpose()?,
        identity,
        ca,
        ca_only,
        crls: crls(flags.crl, env),
        server_name: server_name(flags.servername, env)?,
        min_version,
        skip_verify,
    })
}

/// Whether the user asked for anything of TLS, which is in vain without it.
pub(super) fn is_customized(options: &ClientOptions) -> bool {
    let ClientOptions { identity, ca, crls, server_name, min_version, skip_verify, .. } = options;
    identity.is_some()
        || ca.is_some()
        || !crls.is_empty()
        || server_name.is_some()
        || *min_version != MinVersion::default()
        || *skip_verify
}

fn identity(
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    pfx: Option<PathBuf>,
    env: &Environment,
) -> Result<Option<IdentitySource>, UsageError> {
    if pfx.is_some() {
        return one_identity(cert, key, pfx);
    }
    let env_cert = path("MCP_REMOTE_TLS_CERT", env);
    let env_key = path("MCP_REMOTE_TLS_KEY", env);
    if cert.is_some() || key.is_some() {
        return one_identity(cert.or(env_cert), key.or(env_key), None);
    }
    one_identity(env_cert, env_key, path("MCP_REMOTE_TLS_PFX", env)).map_err(|error| {
        error.hint("the variables MCP_REMOTE_TLS_CERT, _KEY and _PFX count like the flags")
    })
}

fn one_identity(
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    pfx: Option<PathBuf>,
) -> Result<Option<IdentitySource>, UsageError> {
    match (cert, key, pfx) {
        (None, None, None) => Ok(None),
        (None, None, Some(pfx)) => Ok(Some(IdentitySource::Pkcs12(pfx))),
        (Some(cert), Some(key), None) => Ok(Some(IdentitySource::Pem { cert, key })),
        (_, _, None) => {
            Err(UsageError::new("Both --tls-cert and --tls-key must be provided together.")
                .hint("a file that holds both is named twice"))
        }
        _ => Err(UsageError::new("Use either --tls-pfx OR --tls-cert/--tls-key, not both.")),
    }
}

/// Where the passphrase is; its file is read only once all arguments are known to be right.
enum Passphrase {
    File(PathBuf),
    Text(Secret),
}

impl Passphrase {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.expose().is_empty())
    }

    fn read(self) -> Result<Secret, Refusal> {
        let path = match self {
            Self::File(path) => path,
            Self::Text(text) => return Ok(text),
        };
        let text = files::read("--tls-passphrase-file", &path, limits::PASSPHRASE_FILE_BYTES)?;
        let line = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text);
        Ok(Secret::new(line.to_owned()))
    }
}

fn passphrase(
    text: Option<String>,
    file: Option<PathBuf>,
    env: &Environment,
) -> Result<Option<Passphrase>, UsageError> {
    let (text, file) = match (text, file) {
        (None, None) => (
            text_of("MCP_REMOTE_TLS_PASSPHRASE", env)?,
            path("MCP_REMOTE_TLS_PASSPHRASE_FILE", env),
        ),
        typed => typed,
    };
    match (text, file) {
        (None, None) => Ok(None),
        (Some(text), None) => Ok(Some(Passphrase::Text(Secret::new(text)))),
        (None, Some(file)) => Ok(Some(Passphrase::File(file))),
        (Some(_), Some(_)) => {
            Err(UsageError::new("Use either --tls-passphrase OR --tls-passphrase-file, not both."))
        }
    }
}

/// The variable of the lists holds several paths as `PATH` does.
fn crls(flags: Vec<PathBuf>, env: &Environment) -> Vec<PathBuf> {
    match env.var("MCP_REMOTE_TLS_CRL") {
        Some(paths) if flags.is_empty() => {
            std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()).collect()
        }
        _ => flags,
    }
}

fn server_name(flag: Option<String>, env: &Environment) -> Result<Option<String>, UsageError> {
    let name = match flag {
        Some(name) => Some(name),
        None => text_of("MCP_REMOTE_TLS_SERVERNAME", env)?,
    };
    match name {
        Some(name) if check_server_name(&name).is_err() => {
            Err(UsageError::new("--tls-servername must be a host name or an IP address")
                .hint("give the name alone, without `https://`, port or path"))
        }
        name => Ok(name),
    }
}

fn min_version(flags: &TlsFlags, env: &Environment) -> Result<MinVersion, UsageError> {
    let (source, version) = match &flags.min_version {
        Some(version) => ("--tls-min-version", Some(version.clone())),
        None => {
            let variable = "MCP_REMOTE_TLS_MIN_VERSION";
            (variable, text_of(variable, env)?)
        }
    };
    match version.as_deref() {
        None => Ok(MinVersion::default()),
        Some("TLSv1.2") => Ok(MinVersion::Tls12),
        Some("TLSv1.3") => Ok(MinVersion::Tls13),
        Some(_) => Err(UsageError::new(format!("{source} must be \"TLSv1.2\" or \"TLSv1.3\""))),
    }
}

fn switch(
    flag: &str,
    typed: Option<&str>,
    variable: &str,
    env: &Environment,
) -> Result<bool, UsageError> {
    match typed {
        Some(text) => quantity::switch(flag, text),
        None => {
            Ok(env.var(variable).and_then(|value| value.to_str()).is_some_and(quantity::is_yes))
        }
    }
}

/// Unlike the variable that the original has, this one is not silently off: more would be trusted
/// than the user meant.
fn ca_only(typed: Option<&str>, env: &Environment) -> Result<bool, UsageError> {
    let variable = "MCP_REMOTE_TLS_CA_ONLY";
    match (typed, text_of(variable, env)?) {
        (Some(text), _) => quantity::switch("--tls-ca-only", text),
        (None, Some(text)) => quantity::switch(variable, text.trim()),
        (None, None) => Ok(false),
    }
}

fn path(variable: &str, env: &Environment) -> Option<PathBuf> {
    env.var(variable).map(PathBuf::from)
}

fn text_of(variable: &str, env: &Environment) -> Result<Option<String>, UsageError> {
    match env.var(variable).map(|value| value.to_str()) {
        None => Ok(None),
        Some(Some(text)) => Ok(Some(text.to_owned())),
        Some(None) => Err(UsageError::new(format!("{variable} is not UTF-8"))),
    }
}

//! The TLS flags and variables -> [`ClientOptions`]: who wins, and what cannot go together.

use std::path::PathBuf;

use crate::cli::Refusal;
use crate::cli::environment::Environment;
use crate::cli::files;
use crate::cli::flags::TlsFlags;
use crate::cli::quantity;
use crate::cli::serve::ServeTlsFlags;
use crate::cli::usage::UsageError;
use crate::secret::Secret;
use crate::tls::ClientOptions;
use crate::tls::IdentitySource;
use crate::tls::MinVersion;
use crate::tls::ServerOptions;
use crate::tls::check_server_name;

/// A flag wins over its variable. A flag for one kind of identity, or of passphrase, switches the
/// variables of the other kind off.
pub(super) fn resolve(flags: TlsFlags, env: &Environment) -> Result<ClientOptions, Refusal> {
    let given = |flag, typed, variable| Given::by(flag, typed, variable, env);
    let min_version = given("--tls-min-version", flags.min_version, "MCP_REMOTE_TLS_MIN_VERSION")?;
    let min_version = min_version.map_or(Ok(MinVersion::default()), min_version_of)?;
    let skip_verify = skip_verify(flags.skip_verify.as_deref(), env)?;
    let identity = identity(flags.cert, flags.key, flags.pfx, env)?;
    let passphrase = passphrase(flags.passphrase, flags.passphrase_file, identity.is_some(), env)?;
    let ca = flags.ca.or_else(|| path("MCP_REMOTE_TLS_CA", env));
    let ca_only = given("--tls-ca-only", flags.ca_only, "MCP_REMOTE_TLS_CA_ONLY")?;
    let ca_only = ca_only.map_or(Ok(false), |ca_only| ca_only_of(&ca_only, ca.is_some()))?;
    let server_name = given("--tls-servername", flags.servername, "MCP_REMOTE_TLS_SERVERNAME")?;
    let server_name = server_name.map(server_name_of).transpose()?;
    Ok(ClientOptions {
        passphrase: passphrase.map(Passphrase::read).transpose()?,
        identity,
        ca,
        ca_only,
        crls: crls(flags.crl, env),
        server_name,
        min_version,
        skip_verify,
    })
}

/// A text of the user, and the name of the flag or the variable that gave it, for errors.
struct Given {
    by: &'static str,
    text: String,
}

impl Given {
    /// What was typed, or else what the variable holds.
    fn by(
        flag: &'static str,
        typed: Option<String>,
        variable: &'static str,
        env: &Environment,
    ) -> Result<Option<Self>, UsageError> {
        Ok(match typed {
            Some(text) => Some(Self { by: flag, text }),
            None => text_of(variable, env)?.map(|text| Self { by: variable, text }),
        })
    }
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

/// The same for the server side. A passphrase is never typed there: servers run for long, and
/// everybody on the machine can read the command line.
pub(super) fn resolve_server(
    flags: ServeTlsFlags,
    env: &Environment,
) -> Result<Option<ServerOptions>, Refusal> {
    let variable = "MCP_REMOTE_TLS_MIN_VERSION";
    let min_version = Given::by("--tls-min-version", flags.min_version, variable, env)?;
    let min_version = min_version.map_or(Ok(MinVersion::default()), min_version_of)?;
    let identity = identity(flags.cert, flags.key, flags.pfx, env)?;
    let passphrase = passphrase(None, flags.passphrase_file, identity.is_some(), env)?;
    let client_ca = flags.client_ca.or_else(|| path("MCP_REMOTE_TLS_CLIENT_CA", env));
    let crls = crls(flags.crl, env);
    let Some(identity) = identity else {
        if client_ca.is_some() {
            return Err(
                UsageError::new("--tls-client-ca requires --tls-cert and --tls-key.").into()
            );
        }
        return Ok(None);
    };
    if client_ca.is_none() && !crls.is_empty() {
        return Err(UsageError::new("--tls-crl requires --tls-client-ca.").into());
    }
    Ok(Some(ServerOptions {
        passphrase: passphrase.map(Passphrase::read).transpose()?,
        client_ca,
        crls,
        allow_expired_crl: flags.allow_expired_crl,
        min_version,
        ..ServerOptions::new(identity)
    }))
}

/// Where the passphrase is; its file is read only once all arguments are known to be right.
enum Passphrase {
    File { path: PathBuf, by: &'static str },
    Text(Secret),
}

impl Passphrase {
    fn read(self) -> Result<Secret, Refusal> {
        match self {
            Self::File { path, by } => Ok(files::passphrase(by, &path)?),
            Self::Text(text) => Ok(text),
        }
    }
}

fn passphrase(
    text: Option<String>,
    file: Option<PathBuf>,
    has_identity: bool,
    env: &Environment,
) -> Result<Option<Passphrase>, UsageError> {
    if text.is_some() || file.is_some() {
        return one_passphrase(text, file, "--tls-passphrase-file", has_identity);
    }
    let text = text_of("MCP_REMOTE_TLS_PASSPHRASE", env)?;
    let variable = "MCP_REMOTE_TLS_PASSPHRASE_FILE";
    one_passphrase(text, path(variable, env), variable, has_identity).map_err(|error| {
        error.hint(
            "the variables MCP_REMOTE_TLS_PASSPHRASE and _PASSPHRASE_FILE count like the flags",
        )
    })
}

fn one_passphrase(
    text: Option<String>,
    file: Option<PathBuf>,
    by: &'static str,
    has_identity: bool,
) -> Result<Option<Passphrase>, UsageError> {
    match (text, file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            Err(UsageError::new("Use either --tls-passphrase OR --tls-passphrase-file, not both."))
        }
        // A host that fills an unset variable into its configuration passes an empty text.
        (Some(text), None) if text.is_empty() && !has_identity => Ok(None),
        _ if !has_identity => Err(UsageError::new(
            "--tls-passphrase requires --tls-pfx OR --tls-cert/--tls-key; passphrase alone has \
             nothing to decrypt.",
        )),
        (Some(text), None) => Ok(Some(Passphrase::Text(Secret::new(text)))),
        (None, Some(path)) => Ok(Some(Passphrase::File { path, by })),
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

fn server_name_of(Given { by, text }: Given) -> Result<String, UsageError> {
    if check_server_name(&text).is_err() {
        return Err(UsageError::new(format!("{by} must be a host name or an IP address"))
            .hint("give the name alone, without `https://`, port or path"));
    }
    Ok(text)
}

fn min_version_of(Given { by, text }: Given) -> Result<MinVersion, UsageError> {
    MinVersion::ALL
        .into_iter()
        .find(|it| it.as_str() == text)
        .ok_or_else(|| UsageError::new(format!("{by} must be \"TLSv1.2\" or \"TLSv1.3\"")))
}

/// As with the original, the variable is off unless it says yes.
fn skip_verify(typed: Option<&str>, env: &Environment) -> Result<bool, UsageError> {
    match typed {
        Some(text) => quantity::switch("--tls-insecure-skip-verify", text),
        None => {
            let value = env.var("MCP_REMOTE_TLS_INSECURE").and_then(|value| value.to_str());
            Ok(value.is_some_and(quantity::is_yes))
        }
    }
}

/// A word that is neither yes nor no is refused for the variable too: more would be trusted than
/// the user meant.
fn ca_only_of(Given { by, text }: &Given, has_ca: bool) -> Result<bool, UsageError> {
    let only = quantity::switch(by, text.trim())?;
    if only && !has_ca {
        return Err(UsageError::new(format!("{by} requires --tls-ca."))
            .hint("the variable MCP_REMOTE_TLS_CA counts like the flag"));
    }
    Ok(only)
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

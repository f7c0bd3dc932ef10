//! The flags of `certs`, and what they mean together.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use clap::ValueHint;

use crate::cli::environment::Environment;
use crate::cli::files;
use crate::cli::terminal;
use crate::cli::usage::UsageError;
use crate::command::certs::AddClientConfig;
use crate::command::certs::CertsConfig;
use crate::command::certs::Passphrase;
use crate::command::certs::Task;
use crate::command::certs::name::ClientName;
use crate::limits;
use crate::report::Report;
use crate::secret::Secret;
use crate::tls::check_server_name;

const PFX_VARIABLE: &str = "MCP_REMOTE_PFX_PASSPHRASE";
const PFX_FILE: &str = "--pfx-passphrase-file";
const CA_FILE: &str = "--ca-passphrase-file";

/// The flags of `certs`.
#[derive(Args)]
#[command(
    override_usage = "mcp-secure-remote certs --output <folder> [options]\n       \
        mcp-secure-remote certs add-client --output <folder> --client <name> [options]",
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    disable_help_subcommand = true
)]
pub(super) struct CertsFlags {
    #[command(flatten)]
    issue: IssueFlags,

    /// DNS name or IP address of the server, besides localhost, 127.0.0.1 and ::1; repeatable
    #[arg(long, value_name = "name")]
    host: Vec<String>,

    /// Keep the CA's key too, encrypted, so that `certs add-client` works later
    #[arg(long)]
    keep_ca: bool,

    #[command(subcommand)]
    command: Option<CertsVerb>,
}

/// What is done to a set that exists.
#[derive(Subcommand)]
enum CertsVerb {
    /// Issue certificates for more clients by a CA that was kept with `--keep-ca`
    #[command(
        override_usage = "mcp-secure-remote certs add-client --output <folder> --client <name> [options]",
        after_help = AFTER_HELP,
        args_override_self = true,
        mut_arg("days", |days| days.help(DAYS_OF_A_LATER_CLIENT))
    )]
    AddClient(IssueFlags),
}

/// What new and later certificates have in common.
#[derive(Args)]
struct IssueFlags {
    /// Folder of the certificates and keys
    #[arg(long, value_name = "folder", value_hint = ValueHint::DirPath)]
    output: Option<PathBuf>,

    /// Name of a client, its common name and its files; repeatable (a new set has `client`)
    #[arg(long, value_name = "name")]
    client: Vec<String>,

    /// Days of validity (default: 3650, ten years)
    #[arg(long, value_name = "number")]
    days: Option<String>,

    /// Each client as an encrypted PKCS#12 file too
    #[arg(long)]
    pfx: bool,

    /// File that holds the passphrase of the PKCS#12 files; without it you are asked
    #[arg(long, value_name = "path", value_hint = ValueHint::FilePath)]
    pfx_passphrase_file: Option<PathBuf>,

    /// File that holds the passphrase of the CA's key; without it you are asked
    #[arg(long, value_name = "path", value_hint = ValueHint::FilePath)]
    ca_passphrase_file: Option<PathBuf>,

    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

/// An old CA does not outlive its own certificate.
const DAYS_OF_A_LATER_CLIENT: &str =
    "Days of validity (default: 3650, ten years, but not longer than the CA)";

const AFTER_HELP: &str = "\
Environment, where the flag is absent:
  MCP_REMOTE_PFX_PASSPHRASE  passphrase of the PKCS#12 files

Exit code: 0 done, 1 a file cannot be written or used, 2 wrong arguments";

/// What the flags ask for. No file is read and nobody is asked yet.
pub(super) fn resolve(flags: CertsFlags, env: &Environment) -> Result<Task, UsageError> {
    match flags.command {
        Some(CertsVerb::AddClient(issue)) => add_client(issue, env).map(Task::AddClients),
        None => create(flags, env).map(Task::Create),
    }
}

fn create(flags: CertsFlags, env: &Environment) -> Result<CertsConfig, UsageError> {
    let CertsFlags { issue, host, keep_ca, .. } = flags;
    if issue.ca_passphrase_file.is_some() && !keep_ca {
        return Err(UsageError::new(format!("{CA_FILE} requires --keep-ca.")));
    }
    let mut clients = clients(&issue.client)?;
    if clients.is_empty() {
        clients.push(ClientName::unnamed());
    }
    let (pfx_file, ca_file) = (issue.pfx_passphrase_file, issue.ca_passphrase_file);
    Ok(CertsConfig {
        output: output(issue.output)?,
        hosts: host.into_iter().map(server_name).collect::<Result<_, _>>()?,
        clients,
        days: issue.days.as_deref().map_or(Ok(limits::CERTIFICATE_DAYS), days)?,
        pfx: pfx(issue.pfx, pfx_file, env)?,
        keep_ca: keep_ca.then(|| ca_passphrase(ca_file, Times::Twice)).transpose()?,
        force: issue.force,
    })
}

fn add_client(issue: IssueFlags, env: &Environment) -> Result<AddClientConfig, UsageError> {
    let output = output(issue.output)?;
    let clients = clients(&issue.client)?;
    if clients.is_empty() {
        return Err(UsageError::new("Missing --client <name>"));
    }
    Ok(AddClientConfig {
        output,
        clients,
        days: issue.days.as_deref().map(days).transpose()?,
        pfx: pfx(issue.pfx, issue.pfx_passphrase_file, env)?,
        ca: ca_passphrase(issue.ca_passphrase_file, Times::Once)?,
        force: issue.force,
    })
}

fn output(folder: Option<PathBuf>) -> Result<PathBuf, UsageError> {
    folder.filter(|folder| !folder.as_os_str().is_empty()).ok_or_else(|| {
        UsageError::new("Missing --output <folder>")
            .hint("private keys are written there: a folder that nobody else looks into")
    })
}

fn clients(names: &[String]) -> Result<Vec<ClientName>, UsageError> {
    let mut clients: Vec<ClientName> = Vec::new();
    for text in names {
        let name = ClientName::parse(text)
            .map_err(|error| UsageError::new(format!("--client {text:?}: the name {error}")))?;
        if clients.iter().any(|known| known.collides_with(&name)) {
            return Err(UsageError::new(format!("--client \"{name}\" is given twice")));
        }
        clients.push(name);
    }
    Ok(clients)
}

fn server_name(text: String) -> Result<String, UsageError> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text);
    // A wildcard stands for one label, and there are more labels behind it.
    let name = bare.strip_prefix("*.").filter(|rest| rest.contains('.')).unwrap_or(bare);
    if check_server_name(name).is_err() || name.starts_with('[') {
        return Err(UsageError::new("--host must be a host name or an IP address")
            .hint("give the name alone, without `https://`, port or path"));
    }
    Ok(bare.to_owned())
}

fn days(text: &str) -> Result<u32, UsageError> {
    let days = text.parse().ok().filter(|days| (1..=limits::MAX_CERTIFICATE_DAYS).contains(days));
    days.ok_or_else(|| {
        let most = limits::MAX_CERTIFICATE_DAYS;
        UsageError::new(format!("--days must be a number between 1 and {most}"))
    })
}

fn pfx(
    wanted: bool,
    file: Option<PathBuf>,
    env: &Environment,
) -> Result<Option<Passphrase>, UsageError> {
    if !wanted {
        return match file {
            Some(_) => Err(UsageError::new(format!("{PFX_FILE} requires --pfx."))),
            None => Ok(None),
        };
    }
    if file.is_none()
        && let Some(value) = env.var(PFX_VARIABLE)
    {
        let text = value.to_str();
        let text = text.ok_or_else(|| UsageError::new(format!("{PFX_VARIABLE} is not UTF-8")))?;
        let secret = Secret::new(text.to_owned());
        return Ok(Some(Passphrase::new(|| Ok(secret))));
    }
    let hint = format!("pass it with `{PFX_FILE}` or `{PFX_VARIABLE}`");
    passphrase(PFX_FILE, file, "the PKCS#12 files", Times::Twice, hint).map(Some)
}

fn ca_passphrase(file: Option<PathBuf>, times: Times) -> Result<Passphrase, UsageError> {
    passphrase(CA_FILE, file, "the CA's key", times, format!("pass it with `{CA_FILE}`"))
}

/// How often somebody types a passphrase: twice where a slip would only show when it is too late.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    Twice,
}

/// A passphrase that a file holds, or else somebody at the terminal knows.
fn passphrase(
    flag: &'static str,
    file: Option<PathBuf>,
    of: &'static str,
    times: Times,
    hint: String,
) -> Result<Passphrase, UsageError> {
    if let Some(path) = file {
        return Ok(Passphrase::new(move || {
            let from = format!("`{}`", path.display());
            not_empty(files::passphrase(flag, &path)?, of, &from)
        }));
    }
    if !terminal::can_ask() {
        let text = format!("Nobody can be asked for the passphrase of {of}: no terminal");
        return Err(UsageError::new(text).hint(hint));
    }
    Ok(Passphrase::new(move || {
        not_empty(terminal::ask(of, times == Times::Twice)?, of, "what was typed")
    }))
}

fn not_empty(secret: Secret, of: &str, from: &str) -> Result<Secret, Report> {
    if secret.expose().is_empty() {
        return Err(Report::new(format!("no passphrase for {of}"))
            .cause(format!("{from} is empty"))
            .hint("choose a long one"));
    }
    Ok(secret)
}

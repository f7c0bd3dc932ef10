//! The flags of `ide`: where an entry goes, and all that the bridge understands.

mod machine;
mod run;
mod typed;

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use clap::ValueHint;
use clap_complete::ArgValueCandidates;
use clap_complete::CompletionCandidate;

use crate::cli::Refusal;
use crate::cli::Request;
use crate::cli::completions::one_of;
use crate::cli::environment::Environment;
use crate::cli::flags::BridgeFlags;
use crate::cli::ide::typed::Place;
use crate::cli::resolve;
use crate::cli::resolve::Invocation;
use crate::cli::resolve::Warning;
use crate::cli::usage;
use crate::cli::usage::UsageError;
use crate::command::bridge::BridgeConfig;
use crate::command::ide::Target;
use crate::command::ide::container;
use crate::command::ide::entry::Entry;
use crate::command::ide::entry::Os;
use crate::command::ide::entry::Spec;
use crate::command::ide::entry::Via;
use crate::command::ide::entry::Word;
use crate::command::ide::hosts::Folders;
use crate::command::ide::hosts::HOSTS;
use crate::command::ide::hosts::Host;
use crate::command::ide::hosts::Location;
use crate::command::ide::hosts::Scope;
use crate::limits;
use crate::secret::Secret;

pub(super) use crate::cli::ide::run::run;

/// Puts the bridge into the configuration of an IDE or agent, and takes it out again
#[derive(Args)]
#[command(
    override_usage = "mcp-secure-remote ide list\n       \
        mcp-secure-remote ide show <client> --name <name> <server-url> [options]\n       \
        mcp-secure-remote ide install <client> --name <name> <server-url> [options]\n       \
        mcp-secure-remote ide remove <client> --name <name> [options]",
    disable_help_subcommand = true
)]
pub(super) struct IdeFlags {
    #[command(subcommand)]
    command: Option<IdeVerb>,
}

/// What is done.
#[derive(Subcommand)]
enum IdeVerb {
    /// Show the file of each client, and which of its servers are reached by this program
    #[command(override_usage = "mcp-secure-remote ide list")]
    List,
    /// Print what belongs into the file of a client. All flags of the bridge are understood
    #[command(
        override_usage = "mcp-secure-remote ide show <client> --name <name> <server-url> [options]",
        after_help = clients(),
        args_override_self = true
    )]
    Show(Box<ShowFlags>),
    /// Probe the server, then put it into the file of a client. All flags of the bridge are understood
    #[command(
        override_usage = "mcp-secure-remote ide install <client> --name <name> <server-url> [options]",
        after_help = clients(),
        args_override_self = true
    )]
    Install(Box<InstallFlags>),
    /// Take a server out of the file of a client
    #[command(
        override_usage = "mcp-secure-remote ide remove <client> --name <name> [options]",
        after_help = clients(),
        args_override_self = true
    )]
    Remove(RemoveFlags),
}

#[derive(Args)]
struct ShowFlags {
    #[command(flatten)]
    entry: EntryFlags,

    /// linux, macos or windows (default: the system of this machine)
    #[arg(
        long,
        value_name = "system",
        help_heading = "Entry",
        add = one_of(Os::ALL.map(Os::as_str))
    )]
    os: Option<String>,
}

#[derive(Args)]
struct InstallFlags {
    #[command(flatten)]
    entry: EntryFlags,

    #[command(flatten)]
    sure: SureFlags,

    /// Do not try first whether the server can be reached
    #[arg(long, help_heading = "Entry")]
    no_probe: bool,
}

#[derive(Args)]
struct RemoveFlags {
    #[command(flatten)]
    place: PlaceFlags,

    #[command(flatten)]
    sure: SureFlags,
}

/// Which entry of which file.
#[derive(Args)]
struct PlaceFlags {
    /// The client, by its word of the list below
    #[arg(hide = true, add = ArgValueCandidates::new(known_clients))]
    client: Option<OsString>,

    /// Name of the server in the client
    #[arg(long, value_name = "name", help_heading = "Entry")]
    name: Option<String>,

    /// The file of the project in this folder instead of the user's
    #[arg(long, help_heading = "Entry")]
    project: bool,

    /// Another file of the same form, where a client keeps it elsewhere
    #[arg(long, value_name = "path", help_heading = "Entry", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
}

/// An entry as it is to be.
#[derive(Args)]
struct EntryFlags {
    #[command(flatten)]
    place: PlaceFlags,

    /// How the client starts the bridge: binary, uvx, npx or docker (default: as you did)
    #[arg(
        long,
        value_name = "launcher",
        help_heading = "Entry",
        add = one_of(["binary", "uvx", "npx", "docker"])
    )]
    via: Option<String>,

    /// Image for `--via docker` (default: mcp-secure-remote)
    #[arg(long, value_name = "name", help_heading = "Entry")]
    image: Option<String>,

    #[command(flatten)]
    bridge: BridgeFlags,
}

/// How sure the user is.
#[derive(Args)]
struct SureFlags {
    /// Change the file without asking
    #[arg(long, help_heading = "Entry")]
    yes: bool,

    /// Also an entry that is another program's
    #[arg(long, help_heading = "Entry")]
    force: bool,
}

/// What a shell offers for the client.
fn known_clients() -> Vec<CompletionCandidate> {
    let client = |host: &Host| CompletionCandidate::new(host.id).help(Some(host.title.into()));
    HOSTS.iter().map(client).collect()
}

/// Below the flags of whatever takes a client.
fn clients() -> String {
    let rows = HOSTS.iter().map(|host| format!("  {:<16}{}", host.id, host.title));
    let rows: Vec<String> = rows.collect();
    let codes = "Exit code: 0 done, 1 failed or not wanted, 2 wrong arguments or nobody to ask";
    format!("Clients:\n{}\n\n{codes}", rows.join("\n"))
}

/// What the user asked for.
#[derive(Debug)]
pub enum Task {
    /// Show all files.
    List(Folders),
    /// Print what belongs into a file.
    Show(Shown),
    /// Put an entry into a file.
    Install(Box<Install>),
    /// Take an entry out of a file.
    Remove(Target, Sure),
}

/// What belongs into a file.
#[derive(Debug)]
pub struct Shown {
    host: &'static Host,
    name: String,
    entry: Entry,
    file: Option<String>,
    warnings: Vec<Warning>,
}

/// An entry for a file.
#[derive(Debug)]
pub struct Install {
    target: Target,
    entry: Entry,
    /// What is tried first.
    probe: Option<BridgeConfig>,
    warnings: Vec<Warning>,
    sure: Sure,
}

/// How sure the user is.
#[derive(Clone, Copy, Debug)]
pub struct Sure {
    yes: bool,
    force: bool,
}

impl From<SureFlags> for Sure {
    fn from(SureFlags { yes, force }: SureFlags) -> Self {
        Self { yes, force }
    }
}

pub(super) fn resolve(
    flags: IdeFlags,
    args: &[OsString],
    env: &Environment,
) -> Result<Task, Refusal> {
    let folders = machine::folders(env)?;
    match flags.command {
        None => Err(UsageError::new("Missing command: list, show, install or remove").into()),
        Some(IdeVerb::List) => Ok(Task::List(folders)),
        Some(IdeVerb::Show(flags)) => show(*flags, folders, args, env),
        Some(IdeVerb::Install(flags)) => install(*flags, &folders, args, env),
        Some(IdeVerb::Remove(flags)) => {
            Ok(Task::Remove(target(&flags.place, name_there, &folders)?, flags.sure.into()))
        }
    }
}

fn show(
    flags: ShowFlags,
    here: Folders,
    args: &[OsString],
    env: &Environment,
) -> Result<Task, Refusal> {
    let os = flags.os.map_or(Ok(Os::here()), |text| os(&text))?;
    let folders = if os == Os::here() { here } else { machine::elsewhere(os) };
    let place = &flags.entry.place;
    let (host, name) = (client(place)?, name(place)?);
    let file = file(place, host, &name, &folders)?.map(|location| location.path);
    let made = make(flags.entry, host, os, false, args, env)?;
    Ok(Task::Show(Shown { host, name, entry: made.entry, file, warnings: made.warnings }))
}

fn install(
    flags: InstallFlags,
    folders: &Folders,
    args: &[OsString],
    env: &Environment,
) -> Result<Task, Refusal> {
    let InstallFlags { entry: flags, sure, no_probe } = flags;
    let target = target(&flags.place, name, folders)?;
    let is_of_project = flags.place.project;
    if flags.via.is_none() {
        machine::surroundings(Path::new("/")).check()?;
    }
    let Made { entry, probe, mut warnings } =
        make(flags, target.host, Os::here(), !no_probe, args, env)?;
    if is_of_project && !entry.env.is_empty() {
        let text = "a secret comes into the file of a project, which is often shared with others";
        warnings.push(warning(text.to_owned()));
    }
    if is_of_project && target.host.asks_for_trust {
        let title = target.host.title;
        warnings.push(warning(format!("{title} uses what a project has once you trust it there")));
    }
    let probe = probe.filter(|_| !no_probe);
    Ok(Task::Install(Box::new(Install { target, entry, probe, warnings, sure: sure.into() })))
}

fn target(
    flags: &PlaceFlags,
    name: fn(&PlaceFlags) -> Result<String, UsageError>,
    folders: &Folders,
) -> Result<Target, UsageError> {
    let (host, name) = (client(flags)?, name(flags)?);
    let Some(Location { path, root }) = file(flags, host, &name, folders)? else {
        return Err(UsageError::new(format!("{} has no file that is known here", host.title))
            .hint("name it with `--file`"));
    };
    let root = flags.file.is_none().then(|| PathBuf::from(root));
    Ok(Target { host, file: PathBuf::from(path), root, name })
}

fn file(
    flags: &PlaceFlags,
    host: &'static Host,
    name: &str,
    folders: &Folders,
) -> Result<Option<Location>, UsageError> {
    if flags.project && flags.file.is_some() {
        return Err(UsageError::new("Use either --project OR --file, not both."));
    }
    if let Some(file) = &flags.file {
        let path = Place { os: folders.os, folder: &folders.project }.absolute("--file", file)?;
        return Ok(Some(Location { path, root: String::new() }));
    }
    let scope = if flags.project { Scope::Project } else { Scope::User };
    let location = host.file(scope, folders, name);
    if location.is_none() && flags.project && host.user.is_some() {
        let text = format!("{} keeps no servers in a project", host.title);
        return Err(UsageError::new(text).hint("leave `--project` out"));
    }
    Ok(location)
}

fn client(flags: &PlaceFlags) -> Result<&'static Host, UsageError> {
    let known = || HOSTS.iter().map(|host| host.id).collect::<Vec<_>>().join(", ");
    let Some(typed) = &flags.client else {
        return Err(UsageError::new("Missing <client>").hint(format!("one of {}", known())));
    };
    let typed = typed.to_string_lossy();
    Host::find(&typed).ok_or_else(|| {
        let text = format!("Unknown client: {}", usage::address(&typed));
        UsageError::new(text).hint(format!("one of {}", known()))
    })
}

/// Each host takes such a name, and each file system a file that is called so.
fn name(flags: &PlaceFlags) -> Result<String, UsageError> {
    let Some(name) = &flags.name else { return Err(UsageError::new("Missing --name <name>")) };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > limits::SERVER_NAME_CHARS || !name.chars().all(is_plain) {
        let limit = limits::SERVER_NAME_CHARS;
        return Err(UsageError::new("--name must be made of letters, digits, `-` and `_`")
            .hint(format!("at most {limit} of them, for example `--name example`")));
    }
    Ok(name.clone())
}

/// One that may be in a file already, by whatever name somebody has given it; where it is the name of a
/// file, as of the others.
fn name_there(flags: &PlaceFlags) -> Result<String, UsageError> {
    let is_file = client(flags)?.has_file_each() && flags.file.is_none();
    match &flags.name {
        Some(there) if !is_file && !there.is_empty() => Ok(there.clone()),
        _ => name(flags),
    }
}

fn os(text: &str) -> Result<Os, UsageError> {
    let found = Os::ALL.into_iter().find(|os| os.as_str() == text);
    found.ok_or_else(|| UsageError::new("--os must be one of linux, macos, windows"))
}

/// An entry, and what it leads to here.
struct Made {
    entry: Entry,
    probe: Option<BridgeConfig>,
    warnings: Vec<Warning>,
}

/// Makes the entry. Its files need be there only if it `is_tried`.
fn make(
    flags: EntryFlags,
    host: &Host,
    os: Os,
    is_tried: bool,
    args: &[OsString],
    env: &Environment,
) -> Result<Made, Refusal> {
    let EntryFlags { via, image, bridge, .. } = flags;
    let url = resolve::server_url(&bridge.words, bridge.allow_http, args)?;
    let folder = machine::folder()?;
    let (spec, mut warnings) = typed::spec(bridge, Place { os, folder: &folder })?;
    if via.is_none() && os == Os::here() {
        warnings.extend(machine::surroundings(Path::new("/")).warning());
    }
    let via = machine::via(via.as_deref(), image, os, args, env, &mut warnings)?;
    warnings.extend(machine::set_here(env, &spec));
    warnings.extend(passes(host, &spec, os)?);
    warnings.extend(finds(host, &spec, os));
    if matches!(via, Via::Docker { .. }) {
        mounts(&spec, os)?;
    }
    let entry = Entry::new(&spec, &via, os);
    check(&entry, &via, os, &url, &mut warnings)?;
    let probe = match started(&spec, is_tried, env) {
        Ok(Invocation { config, warnings: more, .. }) => {
            warnings.extend(more);
            Some(config)
        }
        Err(Refusal::Failed(report)) if !is_tried => {
            warnings.push(warning(report.line()));
            warnings.extend(resolve::url_warning(&url));
            None
        }
        Err(refusal) => return Err(refusal),
    };
    Ok(Made { entry, probe, warnings })
}

/// Whether the bridge gets its variables as they are.
fn passes(host: &Host, spec: &Spec, os: Os) -> Result<Option<Warning>, UsageError> {
    let is_changed = |(_, value): &&(String, Secret)| host.fills.changes(value.expose(), os);
    if let Some((name, _)) = spec.env.iter().find(is_changed) {
        let text = format!("{} would change the value of {name}", host.title);
        return Err(UsageError::new(text)
            .hint("keep it in a file, with `--header-file` or `--tls-passphrase-file`"));
    }
    let names = Some(spec.inherited.join(", ")).filter(|names| !names.is_empty());
    Ok(names.filter(|_| !host.passes_variables).map(|names| {
        let title = host.title;
        warning(format!("{title} passes few of its variables on; use `--header-file` for {names}"))
    }))
}

/// Whether the host would fill in something in an argument.
fn finds(host: &Host, spec: &Spec, os: Os) -> Vec<Warning> {
    let words = || spec.words.iter().map(Word::text);
    let before = std::iter::once("the URL").chain(words());
    let found = before.zip(words()).filter(|(_, word)| host.fills.finds(word, os));
    let place = |(before, word): (&str, &str)| {
        let place = if word.starts_with("--") { word.split('=').next() } else { None };
        let (title, place) = (host.title, place.unwrap_or(before));
        let names = if os == Os::Windows { "`$NAME` and `%NAME%`" } else { "`$NAME`" };
        warning(format!(
            "{title} fills in {names}, and {place} holds what looks so; change that if you can"
        ))
    };
    found.map(place).collect()
}

/// Docker has no way to write some folders.
fn mounts(spec: &Spec, os: Os) -> Result<(), UsageError> {
    match container::unmountable(spec, os) {
        None => Ok(()),
        Some(folder) => Err(UsageError::new(format!("Docker cannot mount `{folder}`"))
            .hint("put the files into a folder without `,` and `\"` in its path")),
    }
}

fn check(
    entry: &Entry,
    via: &Via,
    os: Os,
    url: &url::Url,
    warnings: &mut Vec<Warning>,
) -> Result<(), UsageError> {
    if !entry.is_ours() {
        let text = format!("`{}` would not be known again as this program", entry.command);
        return Err(UsageError::new(text)
            .hint("the program and its image have to be called `mcp-secure-remote`"));
    }
    let obeyed = |word: &String| word.contains(['&', '|', '<', '>', '^', '%', '"', '!']);
    if os == Os::Windows && *via == Via::Npx && entry.args.iter().any(obeyed) {
        let text =
            "The shell through which Windows starts npx would obey a character of an argument";
        return Err(UsageError::new(text).hint("use `--via binary` or `--via uvx`"));
    }
    let is_here = url
        .host_str()
        .is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]");
    if matches!(via, Via::Docker { .. }) && is_here {
        warnings.push(warning(format!(
            "`{}` is the container itself; name the machine as the container sees it",
            url.host_str().unwrap_or_default()
        )));
    }
    Ok(())
}

/// The bridge as the host would start it: of the variables for this program it has those of its entry
/// alone. What the host has to have besides is made up unless it is needed.
fn started(spec: &Spec, is_tried: bool, env: &Environment) -> Result<Invocation, Refusal> {
    let own = spec.env.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
    let missing = spec.inherited.iter().filter(|name| !is_tried && env.var(name).is_none());
    let made_up = missing.map(|name| (name.clone(), "x".to_owned()));
    let own = own.chain(made_up).map(|(name, value)| (name.into(), value.into()));
    let others = env.all().filter(|(name, _)| !machine::is_ours(name));
    let env: Environment = others.chain(own).collect();
    let words = spec.words.iter().map(Word::text);
    let args = std::iter::once(env!("CARGO_PKG_NAME")).chain(words);
    match crate::cli::parse(args.map(OsString::from), &env)? {
        Request::Bridge(invocation) => Ok(*invocation),
        // The first word is a URL.
        _ => Err(UsageError::new("Missing required positional argument: <server-url>").into()),
    }
}

fn warning(text: String) -> Warning {
    Warning { text: format!("WARNING: {text}"), always: true }
}

impl Place<'_> {
    /// The path as hosts need it, which start programs in a folder of their own.
    fn absolute(&self, flag: &str, path: &Path) -> Result<String, UsageError> {
        let Some(text) = path.to_str() else {
            return Err(UsageError::new(format!("{flag}: the path is not UTF-8")));
        };
        if text.is_empty() {
            return Err(UsageError::new(format!("Missing value for {flag}")));
        }
        // What a host fills in begins where it says.
        if self.os.is_absolute(text) || text.starts_with("${") || self.os != Os::here() {
            return Ok(text.to_owned());
        }
        let whole = std::path::absolute(Path::new(self.folder).join(path));
        let whole = whole.ok().and_then(|it| it.to_str().map(str::to_owned));
        whole.ok_or_else(|| UsageError::new(format!("{flag}: the path cannot be made absolute")))
    }
}

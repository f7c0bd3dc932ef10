//! What the flags of `serve` mean together.

use crate::auth::Allowed;
use crate::auth::Rules;
use crate::cli::Refusal;
use crate::cli::environment::Environment;
use crate::cli::resolve::log_options;
use crate::cli::serve::ServeInvocation;
use crate::cli::serve::amounts::limits;
use crate::cli::serve::amounts::time;
use crate::cli::serve::child::process;
use crate::cli::serve::child::unset;
use crate::cli::serve::flags::ServeFlags;
use crate::cli::serve::listening::address;
use crate::cli::serve::listening::addresses;
use crate::cli::serve::listening::check_admin;
use crate::cli::serve::listening::check_exposure;
use crate::cli::serve::listening::path_prefix;
use crate::cli::serve::manager;
use crate::cli::serve::places::Places;
use crate::cli::tls;
use crate::cli::usage::UsageError;
use crate::command::serve::ServeConfig;
use crate::limits;
use crate::report::Report;
use crate::transport::http_listener::Hosts;
use crate::transport::http_listener::Origins;
use crate::transport::process::watchdog::WatchdogProgram;

/// Checks all arguments, then reads the files that are needed here.
pub(super) fn resolve(flags: ServeFlags, env: &Environment) -> Result<ServeInvocation, Refusal> {
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

/// What was typed wrongly is wrong arguments, whoever found it.
fn usage(report: Report) -> UsageError {
    let cause = report.cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    let error = UsageError::new(format!("{}{cause}", report.error));
    match report.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

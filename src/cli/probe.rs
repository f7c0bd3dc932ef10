//! The flags of the probe: those of the bridge, and a few more.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use crate::cli::Refusal;
use crate::cli::environment::Environment;
use crate::cli::flags::BridgeFlags;
use crate::cli::log::Level;
use crate::cli::quantity;
use crate::cli::resolve;
use crate::cli::resolve::Invocation;
use crate::cli::usage::UsageError;
use crate::command::probe::ProbeConfig;
use crate::limits;

/// Shows step by step whether the MCP server at <server-url> can be reached, why not, and what it
/// offers. All flags of the bridge are understood
#[derive(Args)]
#[command(
    override_usage = "mcp-secure-remote probe <server-url> [options]\n       mcp-secure-remote-client <server-url> [options]"
)]
pub(super) struct ProbeFlags {
    #[command(flatten)]
    pub(super) bridge: BridgeFlags,

    /// Print one JSON object, and nothing else
    #[arg(long, help_heading = "Probe")]
    pub(super) json: bool,

    /// Longest time for all of it (default: 30s)
    #[arg(long, value_name = "time", help_heading = "Probe")]
    pub(super) timeout: Option<String>,

    /// Warn of a client certificate that ends within so many days (default: 30)
    #[arg(long, value_name = "days", help_heading = "Probe")]
    pub(super) warn_expiry: Option<String>,

    /// Exit with 1 for a warning, too
    #[arg(long, help_heading = "Probe")]
    pub(super) strict: bool,
}

/// The probe that the user asked for.
#[derive(Debug)]
pub struct ProbeInvocation {
    /// What is to be probed.
    pub config: ProbeConfig,
    /// The rest, as for the bridge.
    pub common: Invocation,
    /// One object for programs.
    pub json: bool,
    /// A warning is a failure.
    pub strict: bool,
    /// Unless `NO_COLOR` is set, to anything.
    pub allows_colour: bool,
}

pub(super) fn resolve(
    flags: ProbeFlags,
    args: &[OsString],
    env: &Environment,
) -> Result<ProbeInvocation, Refusal> {
    let ProbeFlags { bridge, json, timeout, warn_expiry, strict } = flags;
    let limit = timeout.map(|text| quantity::time("--timeout", &text)).transpose()?;
    let warn_expiry = warn_expiry.map(|text| days(&text)).transpose()?;
    let debug = bridge.debug;
    let mut common = resolve::resolve(bridge, args, env)?;
    if !debug {
        // What happens is told by the steps.
        common.log.level = Level::Silent;
    }
    let config = ProbeConfig {
        bridge: common.config.clone(),
        limit: limit.unwrap_or(limits::PROBE_TIME),
        warn_expiry: warn_expiry.unwrap_or(limits::PROBE_EXPIRY),
    };
    let allows_colour = env.var("NO_COLOR").is_none();
    Ok(ProbeInvocation { config, common, json, strict, allows_colour })
}

fn days(text: &str) -> Result<Duration, UsageError> {
    let wrong = || UsageError::new(format!("--warn-expiry is not a number of days: {text}"));
    let days: u32 = text.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60))
}

//! What `serve --check` prints: the configuration in force, as a file for `--config`.

use std::any::TypeId;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use clap::Arg;
use clap::ArgAction;
use toml::Value;

use crate::cli::environment::Environment;
use crate::cli::serve::file::COMMAND;
use crate::cli::serve::file::is_about_the_file;
use crate::cli::serve::typed::Typed;
use crate::command::serve::ServeConfig;
use crate::tls::IdentitySource;
use crate::tls::MinVersion;

/// The text. What may be secret is named and not shown.
pub(super) fn text(typed: &Typed, config: &ServeConfig, env: &Environment) -> String {
    let mut text = String::new();
    for arg in typed.arguments() {
        let name = arg.get_long().unwrap_or(arg.get_id().as_str());
        if is_about_the_file(name) {
            continue;
        }
        let line = match (name, value(arg, name, typed)) {
            ("env", values) => hidden_variables(&values),
            (_, Some(value)) => Some(format!("{name} = {value}")),
            (_, None) => in_force(name, config, env).map(|value| format!("{name} = {value}")),
        };
        if let Some(line) = line {
            let _ = writeln!(text, "{line}");
        }
    }
    if env.var("MCP_REMOTE_TLS_PASSPHRASE").is_some() && config.tls.is_some() {
        text.push_str("# the passphrase is that of MCP_REMOTE_TLS_PASSPHRASE\n");
    }
    text
}

/// What was typed, or stands in the file.
fn value(arg: &Arg, name: &str, typed: &Typed) -> Option<Value> {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return Some(Value::Boolean(typed.has(name)));
    }
    let values = typed.values(name);
    let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    let shown = |value: &OsString| match is_path {
        true => path(Path::new(value)),
        false => Value::from(value.to_string_lossy().into_owned()),
    };
    match (arg.get_action(), &values[..]) {
        (_, []) => None,
        _ if name == COMMAND => Some(command(&values)),
        (ArgAction::Append, values) => Some(values.iter().map(shown).collect::<Vec<_>>().into()),
        (_, values) => values.last().map(|value| match value.to_str().map(str::parse::<i64>) {
            Some(Ok(number)) if !is_path => Value::from(number),
            _ => shown(value),
        }),
    }
}

/// The file may lie in another folder than this one.
fn command(words: &[OsString]) -> Value {
    let text = |word: &OsStr| Value::from(word.to_string_lossy().into_owned());
    let mut values: Vec<_> = words.iter().map(|word| text(word)).collect();
    if let (Some(program), Some(value)) = (words.first().map(Path::new), values.first_mut())
        && program.components().count() > 1
    {
        *value = path(program);
    }
    values.into()
}

fn path(path: &Path) -> Value {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    whole.to_string_lossy().into_owned().into()
}

/// A value may be a secret, so that only the names are shown.
fn hidden_variables(values: &Option<Value>) -> Option<String> {
    let values = values.as_ref()?.as_array()?;
    let names = values.iter().filter_map(|value| value.as_str()?.split('=').next());
    let names: Vec<_> = names.map(|name| Value::from(format!("{name}=***"))).collect();
    Some(format!("# values are not shown: env = {}", Value::from(names)))
}

/// What holds where nothing was typed: variables and defaults.
fn in_force(name: &str, config: &ServeConfig, env: &Environment) -> Option<Value> {
    let limits = &config.limits;
    let tls = config.tls.as_ref();
    let pem = tls.and_then(|tls| match &tls.identity {
        IdentitySource::Pem { cert, key } => Some((cert, key)),
        IdentitySource::Pkcs12(_) => None,
    });
    match name {
        "listen" => {
            let addresses = config.listen.iter().map(|address| Value::from(address.to_string()));
            Some(addresses.collect::<Vec<_>>().into())
        }
        "tls-cert" => pem.map(|(cert, _)| path(cert)),
        "tls-key" => pem.map(|(_, key)| path(key)),
        "tls-pfx" => match &tls?.identity {
            IdentitySource::Pkcs12(file) => Some(path(file)),
            IdentitySource::Pem { .. } => None,
        },
        "tls-passphrase-file" => {
            let file = env.var("MCP_REMOTE_TLS_PASSPHRASE_FILE").filter(|_| tls.is_some());
            file.map(|file| path(Path::new(file)))
        }
        "tls-client-ca" => tls?.client_ca.as_deref().map(path),
        "tls-crl" => {
            let files: Vec<_> = tls?.crls.iter().map(|file| path(file)).collect();
            (!files.is_empty()).then(|| files.into())
        }
        "tls-min-version" => Some(Value::from(match tls?.min_version {
            MinVersion::Tls12 => "TLSv1.2",
            MinVersion::Tls13 => "TLSv1.3",
        })),
        "log-format" => Some(Value::from("text")),
        "max-connections" => number(limits.connections),
        "max-sessions" => number(limits.sessions),
        "max-sessions-per-client" => number(limits.sessions_each),
        "max-requests" => number(limits.requests),
        "request-timeout" => limits.request_timeout.and_then(time),
        "max-starting" => number(limits.starting),
        "max-body-size" => number(limits.body),
        "max-message-size" => number(config.process.max_message),
        "session-idle-timeout" => time(limits.session_idle),
        "session-lifetime" => time(limits.session_lifetime),
        "idle-timeout" => time(limits.idle_timeout),
        "handshake-timeout" => time(limits.handshake_timeout),
        "shutdown-timeout" => time(config.shutdown_timeout),
        "exit-timeout" => time(config.process.exit_grace),
        "kill-timeout" => time(config.process.kill_grace),
        _ => None,
    }
}

fn number(number: usize) -> Option<Value> {
    i64::try_from(number).ok().map(Value::from)
}

fn time(time: Duration) -> Option<Value> {
    let whole = time.subsec_nanos() == 0;
    Some(Value::from(match whole {
        true => format!("{}s", time.as_secs()),
        false => format!("{}ms", time.as_millis()),
    }))
}

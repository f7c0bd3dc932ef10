//! Where `serve` listens, and what may not be shown to everybody.

use std::net::IpAddr;
use std::net::SocketAddr;

use crate::auth::Rules;
use crate::cli::resolve::Warning;
use crate::cli::usage::UsageError;
use crate::tls::ServerOptions;

/// The port, of any address, where nothing else is asked for.
const DEFAULT_LISTEN: &str = "127.0.0.1:8623";

/// The admin page that is asked where no other is named.
const DEFAULT_ADMIN: &str = "127.0.0.1:9623";

/// The admin page of the server that is asked whether it is ready.
pub(super) fn admin_to_ask(text: Option<&str>) -> Result<SocketAddr, UsageError> {
    address("--admin", text.unwrap_or(DEFAULT_ADMIN))
}

/// All of `--listen`, or the default where one is needed.
pub(super) fn addresses(texts: &[String], needs_one: bool) -> Result<Vec<SocketAddr>, UsageError> {
    if texts.is_empty() && needs_one {
        return Ok(vec![address("--listen", DEFAULT_LISTEN)?]);
    }
    texts.iter().map(|text| address("--listen", text)).collect()
}

/// An address with its port.
pub(super) fn address(flag: &str, text: &str) -> Result<SocketAddr, UsageError> {
    text.parse().map_err(|_| {
        UsageError::new(format!("{flag} must be an address and a port: {text}"))
            .hint("for example `127.0.0.1:8623`, `0.0.0.0:8623` or `[::]:8623`")
    })
}

/// Who calls is not asked there, and the numbers say who is busy with what.
pub(super) fn check_admin(
    admin: Option<SocketAddr>,
    insists: bool,
) -> Result<Option<Warning>, UsageError> {
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
pub(super) fn check_exposure(
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

/// What stands before our paths, without a slash at its end.
pub(super) fn path_prefix(text: Option<&str>) -> Result<String, UsageError> {
    let text = text.unwrap_or_default().trim_end_matches('/');
    let is_path = text.is_empty() || text.starts_with('/');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    if is_path && text.bytes().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(UsageError::new("--path-prefix must be a path").hint("for example `/tools/files`"))
}

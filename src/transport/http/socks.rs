//! The client side of SOCKS 5 (RFC 1928), with user and password (RFC 1929).

use std::io;
use std::net::IpAddr;

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;

const VERSION: u8 = 5;
/// The version of the exchange of user and password.
const LOGIN_VERSION: u8 = 1;

const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;

const CONNECT: u8 = 1;

const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Where the proxy is to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Address(IpAddr, u16),
    /// The proxy looks it up.
    Name(String, u16),
}

/// Why a SOCKS proxy opened no way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocksError {
    #[error("the connection to the proxy broke: {0}")]
    Broken(io::Error),
    #[error("the proxy closed the connection without an answer")]
    Closed,
    #[error("the proxy does not speak SOCKS 5")]
    NotSocks,
    #[error("the proxy accepts no way to log in that we have")]
    LoginDemanded,
    #[error("the proxy rejects user and password")]
    LoginRejected,
    #[error("user, password and host name have at most 255 bytes in SOCKS 5")]
    TooLong,
    #[error("`{0}` has no address that this machine knows of: {1}")]
    Unknown(String, io::Error),
    #[error("the proxy answered: {}", meaning(*.0))]
    Refused(u8),
}

impl SocksError {
    /// Whether the target refused the connection, rather than the proxy.
    pub(crate) fn is_refused_by_target(&self) -> bool {
        matches!(self, Self::Refused(5))
    }

    /// Whether other user and password may help.
    pub(crate) fn is_about_login(&self) -> bool {
        matches!(self, Self::LoginDemanded | Self::LoginRejected)
    }
}

/// A stream that ends where an answer should be is a proxy that has hung up.
impl From<io::Error> for SocksError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Broken(error),
        }
    }
}

/// Has the proxy at the other end of `stream` connect to `target`; then the stream leads there. No
/// byte of what the target says is taken.
///
/// # Errors
/// The proxy refuses, does not reach the target, or is no SOCKS proxy.
pub(crate) async fn open<S>(
    stream: &mut S,
    target: &Target,
    login: Option<(&str, &str)>,
) -> Result<(), SocksError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let methods: &[u8] = if login.is_some() { &[NO_LOGIN, LOGIN] } else { &[NO_LOGIN] };
    stream.write_all(&[&[VERSION, methods.len() as u8], methods].concat()).await?;
    match (answer(stream, VERSION).await?, login) {
        (NO_LOGIN, _) => {}
        (LOGIN, Some((user, password))) => log_in(stream, user, password).await?,
        _ => return Err(SocksError::LoginDemanded),
    }
    stream.write_all(&request(target)?).await?;
    match answer(stream, VERSION).await? {
        0 => skip_address(stream).await,
        code => Err(SocksError::Refused(code)),
    }
}

async fn log_in<S>(stream: &mut S, user: &str, password: &str) -> Result<(), SocksError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut login = vec![LOGIN_VERSION];
    push_text(&mut login, user)?;
    push_text(&mut login, password)?;
    stream.write_all(&login).await?;
    match answer(stream, LOGIN_VERSION).await? {
        0 => Ok(()),
        _ => Err(SocksError::LoginRejected),
    }
}

/// Each answer begins with a version and a byte that says how it went.
async fn answer(stream: &mut (impl AsyncRead + Unpin), version: u8) -> Result<u8, SocksError> {
    let found = stream.read_u8().await?;
    if found != version {
        return Err(SocksError::NotSocks);
    }
    Ok(stream.read_u8().await?)
}

fn request(target: &Target) -> Result<Vec<u8>, SocksError> {
    let mut request = vec![VERSION, CONNECT, 0];
    let port = match target {
        Target::Address(IpAddr::V4(address), port) => {
            request.push(IPV4);
            request.extend(address.octets());
            port
        }
        Target::Address(IpAddr::V6(address), port) => {
            request.push(IPV6);
            request.extend(address.octets());
            port
        }
        Target::Name(name, port) => {
            request.push(NAME);
            push_text(&mut request, name)?;
            port
        }
    };
    request.extend(port.to_be_bytes());
    Ok(request)
}

fn push_text(to: &mut Vec<u8>, text: &str) -> Result<(), SocksError> {
    to.push(u8::try_from(text.len()).map_err(|_| SocksError::TooLong)?);
    to.extend(text.as_bytes());
    Ok(())
}

/// The address that the proxy connects from: nobody needs it, and it stands before what the target
/// says.
async fn skip_address(stream: &mut (impl AsyncRead + Unpin)) -> Result<(), SocksError> {
    let _reserved = stream.read_u8().await?;
    let length = match stream.read_u8().await? {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(stream.read_u8().await?),
        _ => return Err(SocksError::NotSocks),
    };
    let port = 2;
    stream.read_exact(&mut vec![0; length + port]).await?;
    Ok(())
}

/// RFC 1928 section 6.
fn meaning(code: u8) -> String {
    let text = match code {
        1 => "general failure",
        2 => "its rules do not allow this connection",
        3 => "the network of the target cannot be reached",
        4 => "the target cannot be reached",
        5 => "connection refused by the target",
        6 => "the time to live has expired on the way",
        7 => "it does not know the command",
        8 => "it does not know this kind of address",
        _ => "a code that SOCKS 5 does not have",
    };
    format!("{text} (SOCKS reply {code})")
}

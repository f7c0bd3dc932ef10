//! What a service manager is told (sd_notify(3)): one datagram a word, to the socket that it named.

use std::ffi::OsString;
use std::time::Duration;

/// What the service manager asked for.
#[derive(Clone, Debug, Default)]
pub struct ServiceManager {
    /// The socket that takes the words: a path, or an abstract name after `@`.
    pub socket: Option<OsString>,
    /// We are taken for dead without a sign of life for this long.
    pub watchdog: Option<Duration>,
}

/// Tells the service manager. It may be absent; what it does not hear is lost.
pub(super) struct Notifier {
    socket: Option<socket::Socket>,
    watchdog: Option<Duration>,
}

impl Notifier {
    pub(super) fn new(manager: &ServiceManager) -> Self {
        let socket = manager.socket.as_deref().and_then(|name| {
            let opened = socket::open(name);
            let warn = |e: &std::io::Error| {
                tracing::warn!("the service manager cannot be told that we are ready: {e}");
            };
            opened.inspect_err(warn).ok()
        });
        Self { socket, watchdog: manager.watchdog }
    }

    /// Requests are taken from now on.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// Files are read anew; [`Notifier::ready`] follows.
    pub(super) fn reloading(&self) {
        if let Some(now) = socket::monotonic_us() {
            self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={now}"));
        }
    }

    /// We are about to end.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Gives signs of life, twice as often as asked for, for as long as the runtime gets to it.
    pub(super) async fn live(&self) {
        let Some(limit) = self.watchdog else { return };
        loop {
            self.tell("WATCHDOG=1");
            tokio::time::sleep(limit / 2).await;
        }
    }

    fn tell(&self, words: &str) {
        if let Some(socket) = &self.socket {
            // A manager that does not listen any more needs no word.
            let _ = socket.send(words.as_bytes());
        }
    }
}

#[cfg(unix)]
mod socket {
    use std::ffi::OsStr;
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixDatagram;

    use rustix::time::ClockId;

    pub(super) type Socket = UnixDatagram;

    pub(super) fn open(name: &OsStr) -> io::Result<Socket> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        match name.as_bytes().strip_prefix(b"@") {
            Some(name) => connect_abstract(&socket, name)?,
            None => socket.connect(name)?,
        }
        Ok(socket)
    }

    #[cfg(target_os = "linux")]
    fn connect_abstract(socket: &Socket, name: &[u8]) -> io::Result<()> {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::net::SocketAddr;
        socket.connect_addr(&SocketAddr::from_abstract_name(name)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn connect_abstract(_: &Socket, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The clock that a manager compares with its own.
    pub(super) fn monotonic_us() -> Option<u64> {
        let now = rustix::time::clock_gettime(ClockId::Monotonic);
        let (seconds, nanos) = (u64::try_from(now.tv_sec).ok()?, u64::try_from(now.tv_nsec).ok()?);
        Some(seconds * 1_000_000 + nanos / 1_000)
    }
}

/// There is no such manager on Windows.
#[cfg(not(unix))]
mod socket {
    use std::ffi::OsStr;
    use std::io;

    pub(super) enum Socket {}

    impl Socket {
        pub(super) fn send(&self, _: &[u8]) -> io::Result<usize> {
            match *self {}
        }
    }

    pub(super) fn open(_: &OsStr) -> io::Result<Socket> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn monotonic_us() -> Option<u64> {
        None
    }
}

//! Sockets that listen.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::net::TcpSocket;

use crate::limits;
use crate::report::Report;

/// Listens on `address`, which `flag` gave. With `share_port` a second process may listen there at the same time, so
/// that a new one can take over from an old one (`SO_REUSEPORT`, where the system has it).
///
/// # Errors
/// The address cannot be had, with a hint.
pub fn bind(address: SocketAddr, flag: &str, share_port: bool) -> Result<TcpListener, Report> {
    listen(address, share_port).map_err(|error| {
        let report = Report::new(format!("cannot listen on {address}, the address of `{flag}`"));
        let report = report.cause(error.to_string());
        match error.kind() {
            io::ErrorKind::AddrInUse => report.hint(format!(
                "end the program that listens there, or choose another port with `{flag}`{}",
                if flag == "--listen" { ", or hand over with `--reuse-port` on both" } else { "" }
            )),
            io::ErrorKind::AddrNotAvailable => {
                report.hint(format!("pass an address of this machine with `{flag}`"))
            }
            io::ErrorKind::PermissionDenied => report.hint("choose a port above 1023"),
            io::ErrorKind::Unsupported => report.hint("leave out `--reuse-port`"),
            _ => report,
        }
    })
}

fn listen(address: SocketAddr, share_port: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(unix)]
    {
        // Else a restart has to wait for connections of the last run to be forgotten. On Windows
        // the same flag would let any program steal the port.
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(share_port)?;
    }
    // There is `SO_REUSEADDR` alone, with which any program could take connections away.
    #[cfg(windows)]
    if share_port {
        let reason = "two processes cannot share a port on Windows";
        return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
    }
    socket.bind(address)?;
    socket.listen(limits::LISTEN_BACKLOG)
}

//! Who is at the other end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::report::peer_text;
use crate::tls::ClientCertificate;
use crate::tls::Fingerprint;

/// The client at the other end of one connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it comes from: for logs, never for decisions.
    pub address: SocketAddr,
    /// The certificate that it has proved to hold, if one was demanded.
    pub certificate: Option<Arc<ClientCertificate>>,
}

/// Whom a session or a child belongs to. A new certificate of the same person is another principal:
/// names can be issued twice, a fingerprint cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Anybody: no client has to show a certificate.
    Anonymous,
    /// The holder of this certificate.
    Certificate(Fingerprint),
}

impl Peer {
    /// Whom its sessions belong to.
    pub fn principal(&self) -> Principal {
        let certificate = self.certificate.as_ref();
        certificate.map_or(Principal::Anonymous, |it| Principal::Certificate(it.fingerprint))
    }
}

/// For logs: the common name and the beginning of the fingerprint, `dev (ba7816bf8f01)`, or the
/// address of who has no certificate.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(certificate) = &self.certificate else { return self.address.fmt(f) };
        let name = match certificate.common_names.as_slice() {
            [only] => peer_text(only),
            _ => certificate.subject.clone(),
        };
        let short = certificate.fingerprint.short();
        if name.is_empty() { write!(f, "({short})") } else { write!(f, "{name} ({short})") }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Peer;
    use super::Principal;
    use crate::tls::Authority;
    use crate::tls::ClientCertificate;

    fn peer(name: &str, authority: &Authority) -> Peer {
        let issued = authority.client(name).unwrap();
        let certificate = ClientCertificate::from_der(issued.certificate_der()).unwrap();
        Peer {
            address: "127.0.0.1:4000".parse().unwrap(),
            certificate: Some(Arc::new(certificate)),
        }
    }

    #[test]
    fn a_principal_is_a_certificate_and_neither_a_name_nor_an_address() {
        let authority = Authority::new("test CA").unwrap();
        let (one, twin) = (peer("dev", &authority), peer("dev", &authority));
        assert_ne!(one.principal(), twin.principal());
        let elsewhere = Peer { address: "[::1]:5000".parse().unwrap(), ..one.clone() };
        assert_eq!(one.principal(), elsewhere.principal());
        let nobody = Peer { certificate: None, ..one };
        assert_eq!(nobody.principal(), Principal::Anonymous);
    }

    #[test]
    fn a_log_shows_who_it_is_on_one_line() {
        let authority = Authority::new("test CA").unwrap();
        let peer = peer("dev\n2026 INFO fine", &authority);
        let shown = peer.to_string();
        let short = peer.certificate.as_ref().unwrap().fingerprint.short();
        assert_eq!(shown, format!("dev 2026 INFO fine ({short})"));
        assert_eq!(Peer { certificate: None, ..peer }.to_string(), "127.0.0.1:4000");
    }

    #[test]
    fn a_certificate_without_a_name_has_a_fingerprint() {
        let shown = peer("", &Authority::new("test CA").unwrap()).to_string();
        assert!(shown.ends_with(')') && shown.len() >= "(ba7816bf8f01)".len(), "{shown}");
    }
}

//! The server side of TLS, as far as the demonstration and the tests need it.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio_rustls::TlsAcceptor;

use crate::report::Report;
use crate::tls::issue::Authority;
use crate::tls::issue::Issued;
use crate::tls::stream::Alpn;
use crate::tls::stream::TlsStream;
use crate::tls::trust;

/// Accepts TLS connections from clients that hold a certificate of one CA.
#[derive(Clone)]
pub struct ServerTls {
    acceptor: TlsAcceptor,
}

impl ServerTls {
    /// Shows `identity` and demands a client certificate that `clients` issued. Sessions are not
    /// resumed, so that each connection proves its certificate anew.
    pub fn new(identity: &Issued, clients: &Authority, alpn: Alpn) -> Result<Self, Report> {
        let failed = |cause: String| Report::new("cannot set up a TLS server").cause(cause);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = trust::roots(&[clients.certificate_der().to_vec().into()])
            .map_err(|error| failed(error.to_string()))?;
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
                .build()
                .map_err(|error| failed(error.to_string()))?;
        let resolver = Arc::new(identity.identity()?);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(resolver);
        config.alpn_protocols = alpn.names();
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// The handshake over an accepted stream. Takes no time limit of its own.
    pub async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Ok(TlsStream::new(self.acceptor.accept(stream).await?))
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;

    use super::ServerTls;
    use crate::tls::Alpn;
    use crate::tls::Authority;
    use crate::tls::ClientTls;
    use crate::tls::Peer;
    use crate::tls::explain;

    /// One byte each way, as the client sees it, and whether HTTP/2 was agreed on.
    async fn exchange(client: &ClientTls, server: &ServerTls) -> io::Result<bool> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let serve = async {
            if let Ok(mut stream) = server.accept(far).await {
                let byte = stream.read_u8().await.unwrap();
                stream.write_u8(byte + 1).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        };
        let call = async {
            let mut stream = client.connect("localhost", near, Alpn::H2AndHttp1).await?;
            stream.write_u8(1).await?;
            assert_eq!(stream.read_u8().await?, 2);
            Ok(stream.negotiated_h2())
        };
        tokio::join!(serve, call).1
    }

    #[tokio::test]
    async fn a_client_with_a_certificate_is_let_in_and_one_without_is_told_why_not() {
        let authority = Authority::new("test CA").unwrap();
        let identity = authority.server(&["localhost"]).unwrap();
        let server = ServerTls::new(&identity, &authority, Alpn::H2AndHttp1).unwrap();

        let known = ClientTls::in_memory(Some(&authority.client("dev").unwrap()), &authority);
        assert!(exchange(&known.unwrap(), &server).await.unwrap());

        let unknown = ClientTls::in_memory(None, &authority).unwrap();
        let error = exchange(&unknown, &server).await.unwrap_err();
        let about = Peer { host: "localhost", port: 1, sent_identity: false, subject: None };
        let explanation = explain(&error, &about).unwrap();
        assert_eq!(
            explanation.cause,
            "the server demands a client certificate (TLS alert `certificate_required`)"
        );
    }
}

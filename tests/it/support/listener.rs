//! The TLS of our own server on a real socket, which tells how each handshake went.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mcp_secure_remote::tls::AcceptFailure;
use mcp_secure_remote::tls::AcceptReason;
use mcp_secure_remote::tls::Alpn;
use mcp_secure_remote::tls::ClientCertificate;
use mcp_secure_remote::tls::ClientOptions;
use mcp_secure_remote::tls::ClientTls;
use mcp_secure_remote::tls::IdentitySource;
use mcp_secure_remote::tls::ServerOptions;
use mcp_secure_remote::tls::ServerTls;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::SupportedProtocolVersion;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::ServerName;
use tempfile::TempDir;
use tempfile::tempdir;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

use crate::support::pki::Ca;
use crate::support::pki::Leaf;
use crate::support::pki::trusting;
use crate::support::pki::write;
use crate::support::tls_server::store;

/// The name that the server's certificate is for.
pub(crate) const HOST: &str = "localhost";

/// Nothing on loopback takes that long; a test that would hang fails instead.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who a client was, if it had to say so, or why it did not get in.
pub(crate) type Outcome = Result<Option<Arc<ClientCertificate>>, AcceptFailure>;

/// A CA for both sides, and a server whose files can be changed.
pub(crate) struct Listener {
    pub(crate) ca: Ca,
    pub(crate) folder: TempDir,
    pub(crate) tls: ServerTls,
    pub(crate) address: SocketAddr,
    outcomes: mpsc::Receiver<Outcome>,
    task: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// Demands a certificate of the CA, and answers each byte by the next one.
    pub(crate) async fn demanding() -> Self {
        Self::start(|_, _| {}).await
    }

    /// The same with other options.
    pub(crate) async fn start(change: impl FnOnce(&mut ServerOptions, &Ca)) -> Self {
        let (ca, folder) = (Ca::new("CA"), tempdir().unwrap());
        let options = options(&folder, &ca, change);
        let tls = ServerTls::load(options, Alpn::H2AndHttp1).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (report, outcomes) = mpsc::channel(64);
        let task = tokio::spawn(serve(listener, tls.clone(), report));
        Self { ca, folder, tls, address, outcomes, task }
    }

    /// How the next handshake went.
    pub(crate) async fn outcome(&mut self) -> Outcome {
        let outcome = tokio::time::timeout(PATIENCE, self.outcomes.recv()).await;
        outcome.expect("a handshake").expect("a listener")
    }

    /// The next handshake must fail for this reason; the sentence about it.
    #[track_caller]
    pub(crate) fn refusal(
        &mut self,
        reason: AcceptReason,
    ) -> impl Future<Output = String> + use<'_> {
        let place = std::panic::Location::caller();
        async move {
            let failure = self.outcome().await.expect_err("this client must not get in");
            assert_eq!(failure.reason, reason, "{failure}, at {place}");
            failure.to_string()
        }
    }

    /// A client of ours that shows this certificate.
    pub(crate) fn client(&self, leaf: Option<&Leaf>) -> ClientTls {
        let folder = tempdir().unwrap();
        let identity = leaf.map(|leaf| leaf.identity(&folder));
        self.client_with(identity, &folder)
    }

    pub(crate) fn client_with(
        &self,
        identity: Option<IdentitySource>,
        folder: &TempDir,
    ) -> ClientTls {
        let options = ClientOptions { identity, ..trusting(folder, self.ca.pem()) };
        ClientTls::load(options).unwrap()
    }

    /// A byte each way; the certificate that the server showed.
    pub(crate) async fn call(&self, client: &ClientTls) -> io::Result<Vec<u8>> {
        let socket = TcpStream::connect(self.address).await?;
        let mut stream = client.connect(HOST, socket, Alpn::H2AndHttp1).await?;
        stream.write_u8(1).await?;
        stream.flush().await?;
        assert_eq!(stream.read_u8().await?, 2);
        Ok(stream.peer_certificate().unwrap().to_vec())
    }

    /// A byte each way by a client of another make, and its state afterwards.
    pub(crate) async fn call_with(
        &self,
        config: &Arc<ClientConfig>,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let mut stream = self.connect_with(config).await?;
        stream.write_u8(1).await?;
        stream.flush().await?;
        assert_eq!(stream.read_u8().await?, 2);
        // What comes behind the answer, a ticket for example, is read too.
        stream.write_u8(1).await?;
        assert_eq!(stream.read_u8().await?, 2);
        Ok(stream)
    }

    /// The handshake alone. In TLS 1.3 the verdict of the server is still to come.
    pub(crate) async fn connect_with(
        &self,
        config: &Arc<ClientConfig>,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let socket = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from(HOST).unwrap();
        TlsConnector::from(Arc::clone(config)).connect(name, socket).await
    }

    /// rustls itself as client, with one version of TLS.
    pub(crate) fn foreign_client(
        &self,
        leaf: Option<&Leaf>,
        version: &'static SupportedProtocolVersion,
    ) -> ClientConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(store(&[self.ca.der()]));
        match leaf {
            Some(leaf) => {
                builder.with_client_auth_cert(leaf.chain.clone(), leaf.key_der()).unwrap()
            }
            None => builder.with_no_client_auth(),
        }
    }

    /// Overwrites a file of the server.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        write(&self.folder, name, content)
    }

    /// Replaces the certificate and the key of the server.
    pub(crate) fn replace_identity(&self, leaf: &Leaf) {
        self.write("server.pem", leaf.chain_pem());
        self.write("server.key", leaf.key.serialize_pem());
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Options of a server that demands certificates of `ca`, in files of `folder`.
pub(crate) fn options(
    folder: &TempDir,
    ca: &Ca,
    change: impl FnOnce(&mut ServerOptions, &Ca),
) -> ServerOptions {
    let leaf = ca.server(&[HOST]);
    let cert = write(folder, "server.pem", leaf.chain_pem());
    let key = write(folder, "server.key", leaf.key.serialize_pem());
    let mut options = ServerOptions::new(IdentitySource::Pem { cert, key });
    options.client_ca = Some(write(folder, "client-ca.pem", ca.pem()));
    change(&mut options, ca);
    options
}

/// The alert that a client got, as rustls names it.
pub(crate) fn alert(error: &io::Error) -> Option<rustls::AlertDescription> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

/// Whether a session was resumed, or data was taken before the handshake.
pub(crate) fn resumed(connection: &ClientConnection) -> bool {
    connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
        || connection.is_early_data_accepted()
}

async fn serve(listener: tokio::net::TcpListener, tls: ServerTls, report: mpsc::Sender<Outcome>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let (tls, report) = (tls.clone(), report.clone());
        tokio::spawn(async move {
            match tls.accept(socket).await {
                Ok((mut stream, certificate)) => {
                    let _ = report.send(Ok(certificate)).await;
                    while let Ok(byte) = stream.read_u8().await {
                        if stream.write_u8(byte.wrapping_add(1)).await.is_err() {
                            return;
                        }
                        let _ = stream.flush().await;
                    }
                }
                Err(failure) => {
                    let _ = report.send(Err(failure)).await;
                }
            }
        });
    }
}

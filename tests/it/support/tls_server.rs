//! A TLS server on a thread and a real socket, which reports how each handshake went.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use mcp_secure_remote::tls::Alpn;
use mcp_secure_remote::tls::ClientTls;
use mcp_secure_remote::tls::Explanation;
use mcp_secure_remote::tls::Peer;
use mcp_secure_remote::tls::explain;
use rustls::DigitallySignedStruct;
use rustls::DistinguishedName;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs;
use rustls::crypto::verify_tls13_signature_with_raw_key;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerified;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::UnixTime;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

use crate::support::patient::uninterrupted;
use crate::support::pki::Leaf;

/// Nothing on loopback takes that long; a test that would hang fails instead.
const PATIENCE: Duration = Duration::from_secs(10);

/// How one handshake went, as the server saw it.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// The error of rustls, if it was one.
    pub(crate) error: Option<rustls::Error>,
    /// Whether both sides finished.
    pub(crate) complete: bool,
    /// What the client showed.
    pub(crate) client_chain: Vec<CertificateDer<'static>>,
    /// The name in the SNI extension.
    pub(crate) server_name: Option<String>,
    /// The agreed protocol.
    pub(crate) alpn: Option<Vec<u8>>,
    /// The agreed version.
    pub(crate) version: Option<rustls::ProtocolVersion>,
    /// Whether a session was resumed.
    pub(crate) resumed: bool,
}

/// Serves connections one after another until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    handshakes: mpsc::Receiver<Handshake>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers one byte by the next one on each connection.
    pub(crate) fn start(config: ServerConfig) -> Self {
        let config = Arc::new(config);
        Self::start_with(move |socket| serve(socket, &config, true))
    }

    /// Hangs up after the handshake without a word, and without reading what the client sent.
    pub(crate) fn start_mute(config: ServerConfig) -> Self {
        let config = Arc::new(config);
        Self::start_with(move |socket| serve(socket, &config, false))
    }

    /// Not TLS at all: waits for the first bytes and answers these.
    pub(crate) fn start_raw(answer: &'static [u8]) -> Self {
        Self::start_with(move |mut socket| {
            let _ = uninterrupted(|| socket.read(&mut [0; 4096]));
            let _ = socket.write_all(answer);
            None
        })
    }

    fn start_with(handle: impl Fn(TcpStream) -> Option<Handshake> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (report, handshakes) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for socket in listener.incoming().map(Result::unwrap) {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                if let Some(handshake) = handle(socket) {
                    let _ = report.send(handshake);
                }
            }
        });
        Self { address, handshakes, stop, thread: Some(thread) }
    }

    /// The next handshake.
    pub(crate) fn handshake(&self) -> Handshake {
        self.handshakes.recv_timeout(PATIENCE).unwrap()
    }

    /// Connects, exchanges a byte each way, and says what failed.
    pub(crate) async fn call(&self, client: &ClientTls, host: &str) -> io::Result<()> {
        let socket = tokio::net::TcpStream::connect(self.address).await?;
        let mut stream = client.connect(host, socket, Alpn::H2AndHttp1).await?;
        stream.write_u8(1).await?;
        stream.flush().await?;
        assert_eq!(stream.read_u8().await?, 2);
        Ok(())
    }

    /// The explanation of a call that must fail.
    pub(crate) async fn refusal(&self, client: &ClientTls, host: &str) -> Explanation {
        let error = self.call(client, host).await.expect_err("the call must fail");
        let identity = client.identity_facts();
        let about = Peer { host, port: self.address.port(), identity: identity.as_ref() };
        explain(&error, &about).unwrap_or_else(|| panic!("no explanation for {error:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let joined = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            joined.unwrap();
        }
    }
}

fn serve(mut socket: TcpStream, config: &Arc<ServerConfig>, answers: bool) -> Option<Handshake> {
    let mut connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut error = None;
    while connection.is_handshaking() {
        if let Err(problem) = connection.complete_io(&mut socket) {
            error = Some(problem);
            break;
        }
    }
    let handshake = Handshake {
        complete: error.is_none(),
        error: error.and_then(|error| error.into_inner()?.downcast().ok()).map(|error| *error),
        client_chain: connection.peer_certificates().unwrap_or_default().to_vec(),
        server_name: connection.server_name().map(str::to_owned),
        alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
        version: connection.protocol_version(),
        resumed: connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
    };
    if handshake.complete && answers {
        let mut stream = rustls::Stream::new(&mut connection, &mut socket);
        let mut byte = [0];
        if stream.read_exact(&mut byte).is_ok() {
            let _ = stream.write_all(&[byte[0] + 1]);
        }
    }
    if answers {
        connection.send_close_notify();
        let _ = connection.complete_io(&mut socket);
        // What is unread at the end would turn it into a reset, which loses the alert.
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let _ = io::copy(&mut socket, &mut io::sink());
    }
    Some(handshake)
}

/// Demands a client certificate issued by one of `roots`.
pub(crate) fn demanding(leaf: &Leaf, roots: &[CertificateDer<'static>]) -> ServerConfig {
    with_verifier(leaf, client_verifier(roots))
}

pub(crate) fn client_verifier(roots: &[CertificateDer<'static>]) -> Arc<dyn ClientCertVerifier> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(store(roots), provider).build().unwrap()
}

/// Asks for a client certificate issued by one of `roots`, and goes on without one.
pub(crate) fn asking(leaf: &Leaf, roots: &[CertificateDer<'static>]) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(store(roots), provider);
    with_verifier(leaf, verifier.allow_unauthenticated().build().unwrap())
}

/// Demands nothing.
pub(crate) fn open(leaf: &Leaf) -> ServerConfig {
    with_verifier(leaf, WebPkiClientVerifier::no_client_auth())
}

pub(crate) fn with_verifier(leaf: &Leaf, verifier: Arc<dyn ClientCertVerifier>) -> ServerConfig {
    with_versions(leaf, verifier, rustls::ALL_VERSIONS)
}

pub(crate) fn with_versions(
    leaf: &Leaf,
    verifier: Arc<dyn ClientCertVerifier>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConfig {
    let key = aws_lc_rs::sign::any_supported_type(&leaf.key_der()).unwrap();
    let certified = CertifiedKey::new(leaf.chain.clone(), key);
    config(certified, verifier, versions)
}

/// Whatever the certificate and the key are, also if they do not belong together.
pub(crate) fn config(
    certified: CertifiedKey,
    verifier: Arc<dyn ClientCertVerifier>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

pub(crate) fn store(roots: &[CertificateDer<'static>]) -> Arc<RootCertStore> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone()).unwrap();
    }
    Arc::new(store)
}

/// Accepts any client certificate, also of X.509 version 1 which webpki refuses to read, but
/// checks that the client holds its key. TLS 1.3 alone.
#[derive(Debug)]
pub(crate) struct AnyClient(Arc<CryptoProvider>);

impl AnyClient {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Arc::new(aws_lc_rs::default_provider())))
    }
}

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let (_, leaf) = x509_parser::parse_x509_certificate(leaf).unwrap();
        let key = SubjectPublicKeyInfoDer::from(leaf.public_key().raw);
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

//! The client side of TLS for the whole process.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::SystemTime;

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::limits;
use crate::report::Report;
use crate::tls::facts::CertificateFacts;
use crate::tls::facts::HandshakeFacts;
use crate::tls::facts::IdentityFacts;
use crate::tls::facts::Trust;
use crate::tls::failure::HandshakeFailure;
use crate::tls::identity::Identity;
use crate::tls::identity::Nobody;
use crate::tls::issue::Authority;
use crate::tls::issue::Issued;
use crate::tls::notes;
use crate::tls::options::ClientOptions;
use crate::tls::options::MinVersion;
use crate::tls::options::server_name;
use crate::tls::reload;
use crate::tls::reload::Stamps;
use crate::tls::stream::Alpn;
use crate::tls::stream::TlsStream;
use crate::tls::trust;
use crate::tls::trust::RevocationList;
use crate::tls::verify::Judge;
use crate::tls::verify::Verifier;

/// Identity and trust of the process, and the handshakes made with them. Share it in an [`Arc`].
#[derive(Debug)]
pub struct ClientTls {
    options: ClientOptions,
    /// `--tls-servername`, parsed.
    name: Option<ServerName<'static>>,
    state: Mutex<State>,
}

/// What changes when the files do.
#[derive(Debug)]
struct State {
    loaded: Arc<Loaded>,
    /// Counts the configurations, so that a pool can tell old connections.
    generation: u64,
    stamps: Stamps,
    checked: Instant,
}

/// One configuration. A new one has a new session store, so that no session of an older identity
/// is resumed.
#[derive(Debug)]
struct Loaded {
    identity: Option<Arc<Identity>>,
    /// `--tls-ca`.
    ca: Arc<[CertificateDer<'static>]>,
    h2_and_http1: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
    no_alpn: Arc<ClientConfig>,
}

impl ClientTls {
    /// Reads and checks every file. Each problem is found here, before any connection.
    pub fn load(options: ClientOptions) -> Result<Self, Report> {
        let paths = paths(&options);
        // Before the files are read: a change in between is seen by the next look.
        let stamps = Stamps::take(&paths);
        let loaded = Loaded::from_files(&options)?;
        Self::new(options, loaded, stamps)
    }

    /// With an identity and a root that were made in this process: nothing is read from files.
    pub fn in_memory(identity: Option<&Issued>, authority: &Authority) -> Result<Self, Report> {
        let identity = identity.map(Issued::identity).transpose()?.map(Arc::new);
        let options = ClientOptions { ca_only: true, ..ClientOptions::default() };
        let ca = vec![authority.certificate_der().to_vec().into()];
        let loaded = Loaded::new(&options, identity, ca, Vec::new())?;
        Self::new(options, loaded, Stamps::take(&[]))
    }

    fn new(options: ClientOptions, loaded: Loaded, stamps: Stamps) -> Result<Self, Report> {
        let name = options.server_name.as_deref().map(server_name).transpose()?;
        let checked = Instant::now();
        let state = State { loaded: Arc::new(loaded), generation: 0, stamps, checked };
        Ok(Self { options, name, state: Mutex::new(state) })
    }

    /// Looks whether the files have changed, at most once in [`limits::RELOAD_CHECK`], and loads
    /// them anew if so. New files that do not load leave the old configuration in force, with a
    /// warning in the log. Returns the number of the configuration now in force: connections made
    /// under a smaller one should be given up when they are idle.
    pub fn refresh(&self) -> u64 {
        let mut state = self.state();
        if state.checked.elapsed() < limits::RELOAD_CHECK {
            return state.generation;
        }
        state.checked = Instant::now();
        let paths = paths(&self.options);
        let stamps = Stamps::take(&paths);
        if stamps != state.stamps && reload::can_be_read_again(&paths) {
            state.stamps = stamps;
            self.reload(&mut state);
        }
        state.generation
    }

    fn reload(&self, state: &mut State) {
        match Loaded::from_files(&self.options) {
            Ok(loaded) => {
                state.loaded = Arc::new(loaded);
                state.generation += 1;
                tracing::info!("TLS files have changed: new connections use the new ones");
            }
            Err(report) => tracing::warn!(
                "TLS files have changed and cannot be used, the old ones stay in force: {}",
                report.line()
            ),
        }
    }

    /// The handshake over an open stream: a socket, or a tunnel through a proxy. `host` is the
    /// URL's; `--tls-servername` replaces it both in the SNI extension and in the verification.
    /// Takes no time limit of its own. [`explain`](crate::tls::explain) understands the error.
    pub async fn connect<S>(&self, host: &str, stream: S, alpn: Alpn) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => server_name(host)
                .map_err(|report| io::Error::new(io::ErrorKind::InvalidInput, report.error))?,
        };
        let config = Arc::clone(self.loaded().config(alpn));
        let handshake = TlsConnector::from(config).connect(name, stream);
        match notes::taken(handshake).await {
            (Ok(stream), notes) => Ok(TlsStream::new(stream, notes.asked)),
            (Err(source), notes) => {
                let presented = notes.presented();
                Err(HandshakeFailure { source, presented, asked: notes.asked }.into_io())
            }
        }
    }

    /// Completes what a handshake with `host` told by what this side did.
    pub fn complete(&self, host: &str, mut facts: HandshakeFacts) -> HandshakeFacts {
        let name = self.name.clone().or_else(|| server_name(host).ok());
        if let Some(ServerName::DnsName(name)) = name {
            facts.sni = Some(name.as_ref().to_owned());
        }
        // A version stands there when the handshake has succeeded.
        if facts.version.is_some() {
            facts.trust = self.trust(&facts.chain);
        }
        facts
    }

    /// Why a server is trusted that was let through with this chain.
    fn trust(&self, chain: &[CertificateFacts]) -> Option<Trust> {
        if self.options.skip_verify {
            return Some(Trust::Unverified);
        }
        let given = self.given_cas();
        let leaf = chain.first()?;
        if given.iter().any(|ca| ca.fingerprint == leaf.fingerprint) {
            return Some(Trust::Pinned);
        }
        if let Some(ca) = given.iter().find(|ca| chain.iter().any(|it| it.issuer == ca.subject)) {
            return Some(Trust::Given(ca.subject.clone()));
        }
        // The issuer that the server did not send.
        let missing = |it: &&CertificateFacts| chain.iter().all(|sent| sent.subject != it.issuer);
        let last = chain.iter().find(missing).or(chain.last())?;
        Some(Trust::System(last.issuer.clone()))
    }

    /// What the user should know at start and once a day: a client certificate that has expired or
    /// will within [`limits::EXPIRY_WARNING`], a key that others can read, a PKCS#12 file without
    /// a MAC.
    pub fn warnings(&self, now: SystemTime) -> Vec<String> {
        let loaded = self.loaded();
        let Some(identity) = &loaded.identity else { return Vec::new() };
        let expiry = identity.expiry_warning("client", now);
        expiry.into_iter().chain(identity.warnings.iter().cloned()).collect()
    }

    /// One line for the log, if there is something to say.
    pub fn describe(&self) -> Option<String> {
        match (self.has_identity(), &self.options.server_name) {
            (true, None) => Some("mTLS enabled for outbound requests".to_owned()),
            (true, Some(name)) => Some(format!("mTLS enabled; SNI override: {name}")),
            (false, Some(name)) => Some(format!("SNI override: {name}")),
            (false, None) => None,
        }
    }

    /// Whether a client certificate is sent to servers that ask for one.
    pub fn has_identity(&self) -> bool {
        self.loaded().identity.is_some()
    }

    /// What is to be known of the client certificate, if there is one.
    pub fn identity_facts(&self) -> Option<IdentityFacts> {
        self.loaded().identity.as_ref().map(|identity| identity.facts())
    }

    /// The CAs that are trusted beside, or instead of, those of the system.
    pub fn given_cas(&self) -> Vec<CertificateFacts> {
        CertificateFacts::of_chain(&self.loaded().ca)
    }

    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.state().loaded)
    }

    /// A panic of another holder leaves nothing half done here.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loaded {
    fn from_files(options: &ClientOptions) -> Result<Self, Report> {
        let identity = match &options.identity {
            Some(source) => Some(Arc::new(Identity::load(source, options.passphrase.as_ref())?)),
            None => None,
        };
        let ca = options.ca.as_deref().map(|path| trust::load_ca(path, "--tls-ca")).transpose()?;
        Self::new(options, identity, ca.unwrap_or_default(), trust::load_crls(&options.crls)?)
    }

    fn new(
        options: &ClientOptions,
        identity: Option<Arc<Identity>>,
        ca: Vec<CertificateDer<'static>>,
        crls: Vec<RevocationList>,
    ) -> Result<Self, Report> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let ca: Arc<[_]> = ca.into();
        let judge = if options.skip_verify {
            None
        } else {
            Some(Judge::new(Arc::clone(&provider), Arc::clone(&ca), options.ca_only, crls)?)
        };
        let verifier = Verifier { provider: Arc::clone(&provider), judge };
        let config = config(provider, options.min_version, verifier, identity.as_ref())?;
        let with = |alpn: Alpn| {
            let mut config = config.clone();
            config.alpn_protocols = alpn.names();
            Arc::new(config)
        };
        Ok(Self {
            h2_and_http1: with(Alpn::H2AndHttp1),
            http1: with(Alpn::Http1),
            no_alpn: with(Alpn::None),
            ca,
            identity,
        })
    }

    fn config(&self, alpn: Alpn) -> &Arc<ClientConfig> {
        match alpn {
            Alpn::H2AndHttp1 => &self.h2_and_http1,
            Alpn::Http1 => &self.http1,
            Alpn::None => &self.no_alpn,
        }
    }
}

fn config(
    provider: Arc<CryptoProvider>,
    min_version: MinVersion,
    verifier: Verifier,
    identity: Option<&Arc<Identity>>,
) -> Result<ClientConfig, Report> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(min_version.versions())
        .map_err(|error| Report::new("cannot set up TLS").cause(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    Ok(match identity {
        Some(identity) => builder.with_client_cert_resolver(Arc::<Identity>::clone(identity)),
        None => builder.with_client_cert_resolver(Arc::new(Nobody)),
    })
}

/// Every file that the configuration comes from.
fn paths(options: &ClientOptions) -> Vec<PathBuf> {
    let identity = options.identity.iter().flat_map(|source| source.paths());
    let identity = identity.map(|path| path.to_owned());
    identity.chain(options.ca.clone()).chain(options.crls.iter().cloned()).collect()
}

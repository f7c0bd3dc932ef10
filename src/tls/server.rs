//! The server side of TLS.

mod failure;
mod gate;
mod loaded;
mod words;

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::SystemTime;

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream as ServerStream;

use crate::limits;
use crate::report::Report;
use crate::tls::certificate;
use crate::tls::client_certificate::ClientCertificate;
use crate::tls::issue::Authority;
use crate::tls::issue::Issued;
use crate::tls::notes;
use crate::tls::options::ServerOptions;
use crate::tls::reload;
use crate::tls::reload::Stamps;
use crate::tls::server::loaded::Loaded;
use crate::tls::stream::Alpn;
use crate::tls::stream::TlsStream;

pub use crate::tls::server::failure::AcceptFailure;
pub use crate::tls::server::failure::AcceptReason;

/// Identity and trust of a server, and the handshakes made with them. Clones share them.
#[derive(Clone)]
pub struct ServerTls {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None` for what was made in memory.
    options: Option<ServerOptions>,
    alpn: Alpn,
    state: Mutex<State>,
    /// Held while files are read, so that what was read later also comes into force later.
    reading: Mutex<()>,
    /// Counts the configurations.
    generation: watch::Sender<u64>,
}

/// What changes when the files do.
struct State {
    loaded: Arc<Loaded>,
    stamps: Stamps,
    checked: Instant,
    /// The files as they are now cannot be used.
    stale: bool,
}

impl ServerTls {
    /// Reads and checks every file. Each problem is found here, before anybody connects.
    pub fn load(options: ServerOptions, alpn: Alpn) -> Result<Self, Report> {
        // Before the files are read: a change in between is seen by the next look.
        let stamps = Stamps::take(&options.paths());
        let loaded = Loaded::from_files(&options, alpn)?;
        Ok(Self::with(Some(options), alpn, loaded, stamps))
    }

    /// With what was made in this process: shows `identity` and demands a client certificate that
    /// `clients` issued.
    pub fn new(identity: &Issued, clients: &Authority, alpn: Alpn) -> Result<Self, Report> {
        let ca = clients.certificate_der().to_vec().into();
        let loaded = Loaded::in_memory(identity.identity()?, ca, alpn)?;
        Ok(Self::with(None, alpn, loaded, Stamps::take(&[])))
    }

    fn with(options: Option<ServerOptions>, alpn: Alpn, loaded: Loaded, stamps: Stamps) -> Self {
        let loaded = Arc::new(loaded);
        let state = State { loaded, stamps, checked: Instant::now(), stale: false };
        let inner = Inner {
            options,
            alpn,
            state: Mutex::new(state),
            reading: Mutex::new(()),
            generation: watch::Sender::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The handshake over an accepted stream, with the files as they are now (see
    /// [`refresh`](Self::refresh)). Beside the stream it gives the certificate that the client has
    /// proved to hold: there is one exactly if a client CA was given.
    ///
    /// Takes no time limit of its own. A client that was refused is read for another
    /// [`limits::REFUSAL_LINGER`], so that it learns the reason.
    pub async fn accept<S>(
        &self,
        stream: S,
    ) -> Result<(TlsStream<S>, Option<Arc<ClientCertificate>>), AcceptFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.refresh().await;
        let loaded = self.inner.loaded();
        let acceptor = TlsAcceptor::from(Arc::clone(&loaded.config));
        match notes::taken(acceptor.accept(stream).into_fallible()).await {
            (Ok(stream), _) => {
                let certificate = client_certificate(&stream, loaded.gate.is_some())?;
                Ok((TlsStream::new(stream, None), certificate))
            }
            (Err((error, stream)), notes) => {
                // rustls has spoken, not the wire: the client is still there.
                if error.kind() == io::ErrorKind::InvalidData {
                    linger(stream).await;
                }
                Err(AcceptFailure::new(&error, notes.presented().as_ref()))
            }
        }
    }

    /// Looks whether the files have changed, at most once in [`limits::RELOAD_CHECK`], and loads
    /// them anew if so. New files that do not load leave the old configuration in force, with one
    /// warning in the log. Returns the number of the configuration now in force.
    pub async fn refresh(&self) -> u64 {
        if self.inner.changed() {
            match self.load_anew().await {
                Ok(_) => {
                    tracing::info!("TLS files have changed: new connections use the new ones");
                }
                Err(report) => tracing::warn!(
                    "TLS files have changed and cannot be used, the old ones stay in force: {}",
                    report.line()
                ),
            }
        }
        *self.inner.generation.borrow()
    }

    /// Loads the files anew now, changed or not: what SIGHUP asks for. After an error the old
    /// configuration stays in force. Returns the number of the one now in force.
    pub async fn reload(&self) -> Result<u64, Report> {
        if self.inner.options.is_some() {
            self.load_anew().await?;
        }
        Ok(*self.inner.generation.borrow())
    }

    /// Off this thread: to open an encrypted key may take seconds.
    async fn load_anew(&self) -> Result<(), Report> {
        let inner = Arc::clone(&self.inner);
        let work = tokio::task::spawn_blocking(move || inner.load_anew());
        work.await.unwrap_or_else(|error| {
            Err(Report::new("cannot load the TLS files anew").cause(error.to_string()))
        })
    }

    /// Tells of each new configuration by its number. Who subscribes before
    /// [`accept`](Self::accept) misses none that comes after the certificate was judged.
    pub fn generations(&self) -> watch::Receiver<u64> {
        self.inner.generation.subscribe()
    }

    /// Whether a client with this certificate would still be let in: judged anew by the CAs and
    /// revocation lists now in force, and by the clock.
    pub fn still_trusts(&self, certificate: &ClientCertificate) -> bool {
        self.inner.loaded().gate.as_ref().is_none_or(|gate| gate.still_admits(certificate))
    }

    /// Whether the files as they are now could not be used, so that older ones are in force.
    pub fn reload_failed(&self) -> bool {
        self.inner.state().stale
    }

    /// Whether clients have to show a certificate.
    pub fn demands_certificates(&self) -> bool {
        self.inner.loaded().gate.is_some()
    }

    /// What the user should know at start and once a day: a certificate that has expired or will
    /// within [`limits::EXPIRY_WARNING`] or that clients refuse, a revocation list that is overdue,
    /// a key that others can read.
    pub fn warnings(&self, now: SystemTime) -> Vec<String> {
        self.inner.loaded().warnings(now)
    }

    /// Whole days until our certificate expires; negative afterwards.
    pub fn days_left(&self, now: SystemTime) -> i64 {
        let end = self.inner.loaded().identity.not_after;
        certificate::days_left(end, now)
    }

    /// One line for the log.
    pub fn describe(&self) -> String {
        let loaded = self.inner.loaded();
        let clients = if loaded.gate.is_some() {
            "clients have to show a certificate"
        } else {
            "no client is asked for a certificate"
        };
        format!("TLS as {}; {clients}", loaded.identity.description)
    }
}

impl Inner {
    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.state().loaded)
    }

    /// A panic of another holder leaves nothing half done here.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time to look and the files are others than at the last look. Says so once for
    /// each change.
    fn changed(&self) -> bool {
        let Some(options) = &self.options else { return false };
        let mut state = self.state();
        if state.checked.elapsed() < limits::RELOAD_CHECK {
            return false;
        }
        state.checked = Instant::now();
        let paths = options.paths();
        let stamps = Stamps::take(&paths);
        if stamps == state.stamps || !reload::can_be_read_again(&paths) {
            return false;
        }
        state.stamps = stamps;
        true
    }

    fn load_anew(&self) -> Result<(), Report> {
        let Some(options) = &self.options else { return Ok(()) };
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let paths = options.paths();
        if !reload::can_be_read_again(&paths) {
            return Err(Report::new("the TLS files cannot be read a second time")
                .cause("one of them is a pipe or a device")
                .hint("pass plain files"));
        }
        let stamps = Stamps::take(&paths);
        let result = Loaded::from_files(options, self.alpn);
        let mut state = self.state();
        state.stamps = stamps;
        state.stale = result.is_err();
        state.loaded = Arc::new(result?);
        drop(state);
        self.generation.send_modify(|generation| *generation += 1);
        Ok(())
    }
}

/// Fails closed: whoever was asked for a certificate is somebody.
fn client_certificate<S>(
    stream: &ServerStream<S>,
    demanded: bool,
) -> Result<Option<Arc<ClientCertificate>>, AcceptFailure> {
    if !demanded {
        return Ok(None);
    }
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificate = ClientCertificate::from_chain(chain);
    certificate.map(|certificate| Some(Arc::new(certificate))).ok_or_else(|| AcceptFailure {
        reason: AcceptReason::BadCertificate,
        cause: "the client's certificate cannot be read".to_owned(),
        hint: None,
    })
}

/// Ends our side and reads on for a moment: to close with bytes unread would reset the connection,
/// and the client would never see the alert that says why it was refused.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let rest = async {
        stream.shutdown().await?;
        let mut rest = stream.take(limits::REFUSAL_LINGER_BYTES);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    // However it ends, there is nothing more to do for this client.
    let _ = tokio::time::timeout(limits::REFUSAL_LINGER, rest).await;
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

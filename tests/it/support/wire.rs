//! A wire that fails on demand, between the bridge and its remote.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::net::tcp::WriteHalf;

use crate::support::background::Background;
use crate::support::watched::Gate;

/// What goes wrong in one direction. Bytes are counted over all connections since the wire was
/// armed; each fault that ends something strikes once, and connections made later are sound.
#[derive(Clone, Debug, Default)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Each chunk comes later.
    Delay(Duration),
    /// Each byte comes in a write of its own.
    Drip,
    /// After that many bytes both directions end in good order.
    Cut(usize),
    /// After that many bytes both directions end by a reset.
    Reset(usize),
    /// After that many bytes this direction ends, the other one goes on.
    HalfClose(usize),
    /// After that many bytes nothing is read until the gate opens.
    Stall(usize, Gate),
    /// This byte, counted from 0, has its lowest bit flipped.
    Corrupt(usize),
}

/// A proxy on a free port.
pub(crate) struct Wire {
    address: SocketAddr,
    up: Arc<Way>,
    down: Arc<Way>,
    _background: Background,
}

#[derive(Default)]
struct Way(Mutex<Plan>);

#[derive(Default)]
struct Plan {
    fault: Fault,
    passed: usize,
}

impl Way {
    fn arm(&self, fault: Fault) {
        *self.lock() = Plan { fault, passed: 0 };
    }

    /// Counts bytes. Gives the number of the first of them, and what is to happen.
    fn pass(&self, count: usize) -> (usize, Fault) {
        let mut plan = self.lock();
        plan.passed += count;
        (plan.passed - count, plan.fault.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a direction ended.
enum End {
    Closed,
    Reset,
    Half,
}

impl Wire {
    /// Carries connections to `remote`, with these faults on the way up (to the remote) and down.
    pub(crate) fn start(remote: SocketAddr, up: Fault, down: Fault) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let ways = (Arc::new(Way::default()), Arc::new(Way::default()));
        ways.0.arm(up);
        ways.1.arm(down);
        let (upward, downward) = (Arc::clone(&ways.0), Arc::clone(&ways.1));
        let background = Background::start(move |note| async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let (up, down, note) = (Arc::clone(&upward), Arc::clone(&downward), note.clone());
                tokio::spawn(async move {
                    let _note = note;
                    // A remote that is gone refuses; so do we, by dropping `near`.
                    if let Ok(far) = TcpStream::connect(remote).await {
                        carry(near, far, &up, &down).await;
                    }
                });
            }
        });
        Self { address, up: ways.0, down: ways.1, _background: background }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The remote's URL with our port in place of its own.
    pub(crate) fn url(&self, remote: &str) -> String {
        let mut url = url::Url::parse(remote).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.to_string()
    }

    /// Counts anew from here on, with other faults.
    pub(crate) fn arm(&self, up: Fault, down: Fault) {
        self.up.arm(up);
        self.down.arm(down);
    }

    /// Bytes that went up and down since the wire was armed.
    pub(crate) fn passed(&self) -> (usize, usize) {
        (self.up.lock().passed, self.down.lock().passed)
    }
}

async fn carry(mut near: TcpStream, mut far: TcpStream, up: &Way, down: &Way) {
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    let end = {
        let (near_read, near_write) = near.split();
        let (far_read, far_write) = far.split();
        let mut upward = std::pin::pin!(way(near_read, far_write, up));
        let mut downward = std::pin::pin!(way(far_read, near_write, down));
        let (first, upward_is_left) = tokio::select! {
            end = &mut upward => (end, false),
            end = &mut downward => (end, true),
        };
        match first {
            End::Half if upward_is_left => upward.await,
            End::Half => downward.await,
            end => end,
        }
    };
    if matches!(end, End::Reset) {
        for stream in [&near, &far] {
            SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
}

/// Moves bytes in one direction until it ends or the fault strikes.
async fn way(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, way: &Way) -> End {
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let count = match from.read(&mut chunk).await {
            Ok(0) => {
                // The peer may have gone as well.
                let _ = to.shutdown().await;
                return End::Half;
            }
            Ok(count) => count,
            Err(_) => return End::Reset,
        };
        let (start, fault) = way.pass(count);
        let (send, after) = strike(&fault, &mut chunk[..count], start..start + count).await;
        for piece in send {
            if to.write_all(piece).await.is_err() {
                return End::Closed;
            }
            tokio::task::yield_now().await;
        }
        match after {
            Some(End::Half) => {
                let _ = to.shutdown().await;
                return End::Half;
            }
            Some(end) => return end,
            None => {}
        }
    }
}

/// What of `chunk`, whose bytes have the numbers `here`, goes on in which pieces, and whether that
/// is the end.
async fn strike<'a>(
    fault: &Fault,
    chunk: &'a mut [u8],
    here: std::ops::Range<usize>,
) -> (Vec<&'a [u8]>, Option<End>) {
    let within = |at: &usize| here.contains(at);
    match fault {
        Fault::Delay(time) => tokio::time::sleep(*time).await,
        Fault::Drip => return (chunk.chunks(1).collect(), None),
        Fault::Cut(at) if within(at) => {
            return (vec![&chunk[..at - here.start]], Some(End::Closed));
        }
        Fault::Reset(at) if within(at) => {
            return (vec![&chunk[..at - here.start]], Some(End::Reset));
        }
        Fault::HalfClose(at) if within(at) => {
            return (vec![&chunk[..at - here.start]], Some(End::Half));
        }
        Fault::Stall(at, gate) if here.end > *at => gate.pass().await,
        Fault::Corrupt(at) if within(at) => chunk[at - here.start] ^= 1,
        _ => {}
    }
    (vec![chunk], None)
}

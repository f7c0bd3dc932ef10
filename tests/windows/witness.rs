//! Sees which processes live: each of them gives signs of life over a connection that the system closes with it.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::ErrorKind;
use std::io::Read as _;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// Longest wait for anything: wine starts programs slowly on a machine with other work.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Between two signs of life of a process.
pub(crate) const BEAT: Duration = Duration::from_millis(50);

/// Who has given no sign of life for so long has none.
const SILENCE: Duration = Duration::from_secs(3);

/// Where processes report.
pub(crate) struct Witness {
    address: SocketAddr,
    lives: Receiver<Life>,
}

/// A process that lives, or lived.
pub(crate) struct Life {
    /// What it says it is.
    pub(crate) role: String,
    stream: BufReader<TcpStream>,
}

impl Witness {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (found, lives) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut role = String::new();
                stream.read_line(&mut role).unwrap();
                let life = Life { role: role.trim_end().to_owned(), stream };
                if found.send(life).is_err() {
                    break;
                }
            }
        });
        Self { address, lives }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The next process that reports.
    #[track_caller]
    pub(crate) fn next(&self) -> Life {
        self.lives.recv_timeout(LIMIT).expect("a process that reports")
    }

    /// A child and the process that it has started.
    #[track_caller]
    pub(crate) fn family(&self) -> [Life; 2] {
        let mut family = [self.next(), self.next()];
        family.sort_by(|one, other| one.role.cmp(&other.role));
        assert_eq!(family.each_ref().map(|life| &*life.role), ["child", "grandchild"]);
        family
    }
}

impl Life {
    /// Waits until it is gone: its connection ends, or it says nothing any more. The latter because wine now and
    /// then keeps a connection of a process that it has killed.
    #[track_caller]
    pub(crate) fn ends(mut self) {
        self.stream.get_ref().set_read_timeout(Some(SILENCE)).unwrap();
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            match self.stream.read(&mut [0; 64]) {
                Ok(0) => return,
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::TimedOut) => {
                    return;
                }
                Err(e) => panic!("the {}: {e}", self.role),
            }
        }
        panic!("the {} still lives", self.role);
    }

    /// That it is not gone: it still has something to say, after all that it has said so far.
    #[track_caller]
    pub(crate) fn lives(&mut self) {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        while self.stream.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        let stream = self.stream.get_ref();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let read = self.stream.read(&mut [0]);
        assert!(matches!(read, Ok(1)), "the {} is gone: {read:?}", self.role);
    }
}

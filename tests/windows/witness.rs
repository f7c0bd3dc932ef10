//! Sees which processes live: each of them keeps a connection open, and the system closes it with the process.

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

/// Longest wait for anything: wine starts programs slowly on a machine with other work.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

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
    /// Waits until it is gone.
    #[track_caller]
    pub(crate) fn ends(mut self) {
        self.stream.get_ref().set_read_timeout(Some(LIMIT)).unwrap();
        match self.stream.read(&mut [0]) {
            Ok(0) => {}
            Err(e) if e.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("the {} still lives: {other:?}", self.role),
        }
    }

    /// That it is not gone.
    #[track_caller]
    pub(crate) fn lives(&mut self) {
        self.stream.get_ref().set_nonblocking(true).unwrap();
        let read = self.stream.read(&mut [0]);
        assert!(
            matches!(&read, Err(e) if e.kind() == ErrorKind::WouldBlock),
            "the {} is gone: {read:?}",
            self.role
        );
        self.stream.get_ref().set_nonblocking(false).unwrap();
    }
}

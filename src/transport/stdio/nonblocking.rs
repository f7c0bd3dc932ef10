//! Reads and writes that do not block, on descriptors that do: others may hold them too, so they
//! stay as they are.

use std::fs::File;
use std::io;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use rustix::pipe::PIPE_BUF;

use crate::limits;

/// Reads what is there, none at the end of the input. `None` if nothing is there now.
pub(crate) fn read(file: &File, room: &mut [u8]) -> io::Result<Option<usize>> {
    match direct::read(file, room) {
        Some(done) => done,
        None => when(file, PollFlags::IN, |mut file| io::Read::read(&mut file, room)),
    }
}

/// Writes the first of `lines` and tells how many bytes went. As a rule they go out whole: at most
/// `PIPE_BUF` bytes go into a pipe whole or not at all (POSIX, "write"), and more where it is empty.
/// So a program that has to end leaves no half line. `None` if there is no room now.
pub(crate) fn write(file: &File, lines: &[u8]) -> io::Result<Option<usize>> {
    let most = if direct::is_empty(file) { limits::WRITE_BYTES } else { PIPE_BUF };
    if let Some(done) = direct::write(file, &lines[..whole(lines, most)]) {
        return done;
    }
    // More than that could block after all.
    let piece = &lines[..whole(lines, PIPE_BUF)];
    when(file, PollFlags::OUT, |mut file| io::Write::write(&mut file, piece))
}

/// The length of as many whole lines as `most` bytes hold, or of a part of a longer one.
fn whole(lines: &[u8], most: usize) -> usize {
    let most = lines.len().min(most);
    memchr::memrchr(b'\n', &lines[..most]).map_or(most, |end| end + 1)
}

/// Whether a read or a write would not block. A hang-up or an error counts: the call says it.
pub(crate) fn is_ready(file: &File, flags: PollFlags) -> io::Result<bool> {
    let mut fds = [PollFd::new(file, flags)];
    loop {
        match poll(&mut fds, Some(&Timespec::default())) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Runs `call` if a poll says that it does not block.
fn when(
    file: &File,
    flags: PollFlags,
    call: impl FnOnce(&File) -> io::Result<usize>,
) -> io::Result<Option<usize>> {
    if is_ready(file, flags)? { call(file).map(Some) } else { Ok(None) }
}

/// Linux can be asked in the call itself not to block, which saves the poll (`RWF_NOWAIT`, for
/// pipes since 6.4).
#[cfg(target_os = "linux")]
mod direct {
    use std::fs::File;
    use std::io;
    use std::io::IoSlice;
    use std::io::IoSliceMut;

    use rustix::io::Errno;
    use rustix::io::ReadWriteFlags;
    use rustix::io::ioctl_fionread;
    use rustix::io::preadv2;
    use rustix::io::pwritev2;

    /// The place in a file that stands for "where it is", as it is for a pipe.
    const HERE: u64 = u64::MAX;

    pub(super) fn read(file: &File, room: &mut [u8]) -> Option<io::Result<Option<usize>>> {
        outcome(preadv2(file, &mut [IoSliceMut::new(room)], HERE, ReadWriteFlags::NOWAIT))
    }

    /// Whether nothing waits to be read in a pipe: then it has room for all that it holds.
    pub(super) fn is_empty(file: &File) -> bool {
        ioctl_fionread(file) == Ok(0)
    }

    pub(super) fn write(file: &File, piece: &[u8]) -> Option<io::Result<Option<usize>>> {
        outcome(pwritev2(file, &[IoSlice::new(piece)], HERE, ReadWriteFlags::NOWAIT))
    }

    /// `None` where the system or the descriptor does not know the flag.
    fn outcome(result: Result<usize, Errno>) -> Option<io::Result<Option<usize>>> {
        match result {
            Ok(count) => Some(Ok(Some(count))),
            Err(Errno::AGAIN) => Some(Ok(None)),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::SPIPE) => None,
            Err(e) => Some(Err(e.into())),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod direct {
    use std::fs::File;
    use std::io;

    pub(super) fn read(_: &File, _: &mut [u8]) -> Option<io::Result<Option<usize>>> {
        None
    }

    pub(super) fn write(_: &File, _: &[u8]) -> Option<io::Result<Option<usize>>> {
        None
    }

    pub(super) fn is_empty(_: &File) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::io::Write;
    use std::os::fd::OwnedFd;
    use std::sync::mpsc;
    use std::sync::mpsc::RecvTimeoutError;
    use std::thread;
    use std::time::Duration;

    use rustix::event::PollFlags;
    use rustix::pipe::PIPE_BUF;

    use crate::limits;
    use crate::transport::stdio::nonblocking::is_ready;
    use crate::transport::stdio::nonblocking::read;
    use crate::transport::stdio::nonblocking::when;
    use crate::transport::stdio::nonblocking::whole;
    use crate::transport::stdio::nonblocking::write;

    /// Fails where `test` blocks.
    fn soon(test: impl FnOnce() + Send + 'static) {
        let (done, end) = mpsc::channel();
        let test = thread::spawn(move || {
            test();
            done.send(())
        });
        let waited = end.recv_timeout(Duration::from_secs(10));
        assert_ne!(waited, Err(RecvTimeoutError::Timeout), "it blocks");
        test.join().expect("the test passes").unwrap();
    }

    fn pipe() -> (File, File) {
        let (reader, writer) = io::pipe().unwrap();
        (File::from(OwnedFd::from(reader)), File::from(OwnedFd::from(writer)))
    }

    #[test]
    fn a_pipe_that_is_empty_or_full_is_not_waited_for() {
        soon(try_a_pipe_that_is_empty_or_full);
    }

    fn try_a_pipe_that_is_empty_or_full() {
        let (reader, writer) = pipe();
        let mut room = [0; 16];
        assert_eq!(read(&reader, &mut room).unwrap(), None);
        assert!(!is_ready(&reader, PollFlags::IN).unwrap());
        let lines = [[b'x'; PIPE_BUF / 4 - 1].as_slice(), b"\n"].concat().repeat(100);
        let first = write(&writer, &lines).unwrap().unwrap();
        assert!(
            !cfg!(target_os = "linux") || first == limits::WRITE_BYTES,
            "{first} of an empty pipe"
        );
        while let Some(count) = write(&writer, &lines).unwrap() {
            assert_eq!(count, PIPE_BUF, "all or nothing");
        }
        assert!(!is_ready(&writer, PollFlags::OUT).unwrap());
        assert_eq!(read(&reader, &mut room).unwrap(), Some(16));
        drop(reader);
        assert!(write(&writer, &lines).is_err(), "nobody reads");
    }

    #[test]
    fn where_the_system_cannot_be_asked_in_the_call_a_poll_goes_before_it() {
        let (reader, mut writer) = pipe();
        let call = |_: &File| Ok(7);
        assert_eq!(when(&reader, PollFlags::IN, call).unwrap(), None);
        writer.write_all(b"x").unwrap();
        assert_eq!(when(&reader, PollFlags::IN, call).unwrap(), Some(7));
    }

    #[test]
    fn the_end_of_a_pipe_is_no_byte() {
        let (reader, writer) = pipe();
        drop(writer);
        assert_eq!(read(&reader, &mut [0; 16]).unwrap(), Some(0));
    }

    #[test]
    fn lines_are_written_whole_as_long_as_they_fit() {
        assert_eq!(whole(b"a\nb\n", 4096), 4);
        let long = vec![b'x'; 4096];
        assert_eq!(whole(&[b"a\n", &long[..], b"\n"].concat(), 4096), 2);
        assert_eq!(whole(&[&long[..], b"\na\n"].concat(), 4096), 4096);
    }
}

//! A stdio server without any network: the price of two hops through a pipe.

use std::io;
use std::io::Read;
use std::io::StdoutLock;
use std::io::Write;

use bytes::Bytes;
use memchr::memchr;

use crate::call;
use crate::call::Answer;
use crate::run::Fault;

/// Answers lines until the end of the input.
pub(crate) fn run() -> Result<(), Fault> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let (mut lines, mut room) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let read = input.read(&mut room)?;
        if read == 0 {
            return Ok(());
        }
        let searched = lines.len();
        lines.extend_from_slice(&room[..read]);
        let (mut begin, mut from) = (0, searched);
        while let Some(end) = memchr(b'\n', &lines[from..]) {
            let answer = call::answer(&lines[begin..from + end]);
            answer.map_or(Ok(()), |answer| write(&mut output, &answer))?;
            begin = from + end + 1;
            from = begin;
        }
        lines.drain(..begin);
        output.flush()?;
    }
}

fn write(output: &mut StdoutLock<'_>, answer: &Answer) -> io::Result<()> {
    if answer.events > 0 {
        write_pieces(output, &[call::progress(answer.events, "", "\n")])?;
    }
    write_pieces(output, &answer.response)?;
    output.write_all(b"\n")
}

/// What is as large as a pipe goes past the buffer of standard output.
fn write_pieces(output: &mut StdoutLock<'_>, pieces: &[Bytes]) -> io::Result<()> {
    pieces.iter().try_for_each(|piece| output.write_all(piece))
}

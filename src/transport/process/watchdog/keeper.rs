//! The watchdog process itself.

use std::collections::BTreeSet;
use std::io;
use std::io::BufRead;

use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::time::timeout;

use crate::limits;
use crate::report::Report;
use crate::transport::process::group::Group;

/// Reads which groups live until `input` ends, then ends them. Blocks the thread.
///
/// # Errors
/// The signals that would end this process too early cannot be taken over.
pub async fn keep(mut input: impl BufRead) -> Result<(), Report> {
    let failed = |e: io::Error| Report::new("cannot listen for signals").cause(e.to_string());
    // Whoever ends us together with the server, as service managers do, leaves the children to us.
    let _taken_over = take_over_signals().map_err(failed)?;
    end(groups_at_the_end(&mut input)).await;
    Ok(())
}

fn take_over_signals() -> io::Result<[Signal; 3]> {
    Ok([
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
        signal(SignalKind::hangup())?,
    ])
}

/// The groups that live when `input` ends.
fn groups_at_the_end(input: &mut impl BufRead) -> BTreeSet<u32> {
    let mut groups = BTreeSet::new();
    let mut line = Vec::new();
    // What cannot be read any more has ended.
    while input.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        note(&line, &mut groups);
        line.clear();
    }
    groups
}

/// A line without its end is cut off, and another number than was meant.
fn note(line: &[u8], groups: &mut BTreeSet<u32>) {
    let Some(text) = line.strip_suffix(b"\n").and_then(|line| str::from_utf8(line).ok()) else {
        return;
    };
    if let Some(group) = text.strip_prefix('+').and_then(|group| group.parse().ok()) {
        groups.insert(group);
    } else if let Some(group) = text.strip_prefix('-').and_then(|group| group.parse().ok()) {
        groups.remove(&group);
    }
}

async fn end(groups: BTreeSet<u32>) {
    let mut groups: Vec<Group> = groups.into_iter().map(Group::led_by).collect();
    for group in &groups {
        group.terminate();
    }
    let all_gone = async {
        for group in &groups {
            group.gone().await;
        }
    };
    if timeout(limits::WATCHDOG_GRACE, all_gone).await.is_err() {
        groups.iter_mut().for_each(Group::kill);
    }
}

#[cfg(test)]
mod tests {
    use super::groups_at_the_end;

    #[test]
    fn groups_that_are_gone_are_let_be_and_a_cut_line_means_nothing() {
        let mut input = &b"+10\n+11\n-10\n\n+x\n+12\n?\n+130\n-13"[..];
        assert_eq!(groups_at_the_end(&mut input).into_iter().collect::<Vec<_>>(), [11, 12, 130]);
        assert!(groups_at_the_end(&mut &b"+10"[..]).is_empty());
    }
}

//! Joins a host and a remote, and keeps the delivery promise: each request of the host gets exactly
//! one answer, the remote's or an error of ours (none, if the host has cancelled it).

mod ledger;

use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use crate::auth::Label;
use crate::channel::Channel;
use crate::channel::Gone;
use crate::channel::Receiver;
use crate::channel::Sender;
use crate::limits;
use crate::message::Message;
use crate::relay::ledger::Ledger;
use crate::relay::ledger::Verdict;
use crate::report::CHECK_AT_REMOTE;
use crate::report::Failure;
use crate::report::Kind;
use crate::report::MAY_HAVE_RUN;
use crate::report::Report;

/// Why a relay ended.
#[derive(Debug)]
pub enum End {
    /// The host has said all it will, or is gone, or `stop` was heard.
    Host,
    /// The same, and the host took no more while it had answers to come.
    Lost,
    /// The remote closed the channel, or has failed by the time that all is over.
    Remote(Option<Failure>),
}

/// How a relay ends.
#[derive(Clone, Debug)]
pub struct Manner {
    /// For what is in flight when it is to end.
    pub drain: Duration,
    /// What ended, for those whose request was not answered: `the bridge`.
    pub name: &'static str,
    /// What a server calls the conversation in its log; the bridge has but one.
    pub label: Option<Label>,
}

/// Carries messages both ways until one side ends or `stop` completes. Then what is in flight has
/// some time to finish, and whatever is left is answered with an error.
pub async fn run(
    host: Channel,
    remote: Channel,
    manner: Manner,
    stop: impl Future<Output = ()>,
) -> End {
    let ledger = Mutex::new(Ledger::new(manner.label.clone()));
    let Channel { sender: to_host, receiver: mut from_host } = host;
    let Channel { sender: to_remote, receiver: mut from_remote } = remote;
    let up = up(&ledger, &mut from_host, &to_remote, &to_host);
    let ended = {
        let down = down(&ledger, &mut from_remote, &to_host);
        tokio::pin!(down);
        let mut ended = tokio::select! {
            () = up => None,
            () = stop => None,
            () = to_host.gone() => None,
            ended = &mut down => Some(ended),
        };
        if ended.is_none() && !to_host.is_gone() {
            let drained = ledger::drained(&ledger);
            tokio::select! {
                () = drained => {}
                late = &mut down => ended = late.err().map(Err),
                () = to_host.gone() => {}
                () = tokio::time::sleep(manner.drain) => {}
            }
        }
        ended
    };
    let lost = to_host.is_gone() && (matches!(ended, Some(Err(_))) || ledger::is_open(&ledger));
    // The remote's transport ends in good order: what is left on the way still comes.
    drop(to_remote);
    let closing = async {
        // Also for a host that is gone: the session is to be ended.
        while !from_remote.is_over() {
            // Nobody to tell if the host is gone.
            let _ = down(&ledger, &mut from_remote, &to_host).await;
        }
    };
    let _ = tokio::time::timeout(limits::DELETE_TIMEOUT + limits::FLUSH_TIMEOUT, closing).await;
    if let Some(reason) = from_remote.reason() {
        to_host.fail(reason.clone());
    }
    // A host that reads nothing does not hold up the end.
    let answering = answer_all(&ledger, &to_host, from_remote.reason(), manner);
    let _ = tokio::time::timeout(limits::FLUSH_TIMEOUT, answering).await;
    match from_remote.reason() {
        None if lost => End::Lost,
        None if ended.is_none() => End::Host,
        reason => End::Remote(reason.cloned()),
    }
}

/// Host to remote.
async fn up(ledger: &Mutex<Ledger>, from: &mut Receiver, to: &Sender, host: &Sender) {
    while let Some(message) = from.recv().await {
        let refusals = ledger::lock(ledger).admit(&message);
        if refusals.is_empty() {
            if to.send(message).await.is_err() {
                // The remote is gone; the other direction says why.
                return std::future::pending().await;
            }
            continue;
        }
        for refusal in refusals {
            // Nobody to tell if the host is gone.
            let _ = host.send(refusal).await;
        }
    }
}

/// Remote to host. Ends with the remote, or with a host that takes no more of it.
async fn down(ledger: &Mutex<Ledger>, from: &mut Receiver, to: &Sender) -> Result<(), Gone> {
    let mut messages = Vec::new();
    while from.recv_all(&mut messages).await {
        {
            let mut ledger = ledger::lock(ledger);
            messages.retain(|message| ledger.settle(message) == Verdict::Forward);
        }
        to.send_all(&mut messages).await?;
    }
    Ok(())
}

/// The last answers: nothing is left hanging.
async fn answer_all(
    ledger: &Mutex<Ledger>,
    host: &Sender,
    reason: Option<&Failure>,
    Manner { drain, name, .. }: Manner,
) {
    let failure = reason.cloned().unwrap_or_else(|| {
        let report = Report::new(format!("{name} ended{MAY_HAVE_RUN}"))
            .cause(format!("the host or a signal ended it, and no answer came within {drain:?}"))
            .hint(CHECK_AT_REMOTE);
        Failure::new(Kind::OutcomeUnknown, report)
    });
    let answers: Vec<Message> = ledger::lock(ledger).close(&failure);
    for answer in answers {
        if host.send(answer).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;

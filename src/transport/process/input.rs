//! Messages to the standard input of a child. One that does not read makes its own channel wait.

use std::io;
use std::sync::Arc;

use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;

use crate::channel::Receiver;
use crate::limits;
use crate::task;
use crate::task::Aside;
use crate::transport::bundle::Bundle;
use crate::transport::process::course::Course;
use crate::transport::process::course::Stage;

/// Writes until nothing more will come or the child takes nothing more, then closes its input.
pub(crate) async fn write(
    mut stdin: impl AsyncWrite + Unpin,
    mut messages: Receiver,
    course: Arc<Course>,
) {
    let reached = write_all(&mut stdin, &mut messages, &course).await;
    // Before its input closes: the child may end before this could say that it was meant to.
    course.reach(reached);
}

/// What has come to its end.
async fn write_all(
    stdin: &mut (impl AsyncWrite + Unpin),
    messages: &mut Receiver,
    course: &Course,
) -> Stage {
    let mut bundle = Bundle::default();
    let mut ending = Aside::new(course.reached(Stage::Mute));
    loop {
        if !bundle.has_more() {
            tokio::select! {
                biased;
                // What was sent before its sender left is written.
                () = messages.ready() => {}
                () = &mut ending => return Stage::Mute,
            }
            // One write for what several requests bring at the same time.
            task::after_others().await;
        }
        if bundle.next(messages).await.is_none() {
            return Stage::Unwanted;
        }
        let written = tokio::select! {
            biased;
            written = write_bundle(stdin, &mut bundle) => written,
            () = course.reached(Stage::Condemned) => return Stage::Condemned,
            () = watch_sender(messages, course) => return Stage::Unwanted,
        };
        if let Err(e) = written {
            // It has gone, or is about to: how it ends is what people are told.
            tracing::debug!("the server takes no more input: {e}");
            return Stage::Mute;
        }
        bundle.slim();
    }
}

async fn write_bundle(
    stdin: &mut (impl AsyncWrite + Unpin),
    bundle: &mut Bundle,
) -> io::Result<()> {
    stdin.write_all(&bundle.small).await?;
    if let Some(large) = bundle.large.take() {
        stdin.write_all(&large).await?;
        stdin.write_all(b"\n").await?;
    }
    stdin.flush().await
}

/// A child that does not read must not keep its life because the end of what it should read stands
/// behind that. Never ends: the write goes on meanwhile.
async fn watch_sender(messages: &Receiver, course: &Course) {
    while !messages.is_closed() {
        tokio::time::sleep(limits::INPUT_CHECK).await;
    }
    course.reach(Stage::Unwanted);
    std::future::pending().await
}

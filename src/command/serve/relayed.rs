//! Conversations for a front that keeps no books of what was asked: a relay sees to it that each
//! request is answered.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::auth::Label;
use crate::auth::Peer;
use crate::channel::Channel;
use crate::command::serve::config::ServeConfig;
use crate::command::serve::servers::Servers;
use crate::relay;
use crate::relay::Manner;
use crate::report::Failure;
use crate::task::Tasks;
use crate::transport::streamable_http::server::Backend;
use crate::transport::streamable_http::server::Opened;

/// The children of the legacy era, each behind a relay.
pub(super) struct Relayed {
    servers: Arc<Servers>,
    drain: Duration,
    lifetime: Duration,
    relays: Tasks,
    stop: CancellationToken,
}

impl Relayed {
    pub(super) fn new(config: &ServeConfig, servers: Arc<Servers>) -> Self {
        Self {
            servers,
            drain: config.drain(),
            lifetime: config.limits.session_lifetime,
            relays: Tasks::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Waits until no conversation is left.
    pub(super) async fn finished(&self) {
        self.relays.finished().await;
    }

    /// Ends them all, and waits for that.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.finished().await;
    }
}

impl Backend for Relayed {
    fn next_session(&self) -> u64 {
        self.servers.next_session()
    }

    async fn open(&self, peer: &Peer, label: &Label) -> Result<Opened, Failure> {
        let Opened { channel: server, starting } = self.servers.open(peer, label).await?;
        let (channel, client) = Channel::pair();
        let manner = Manner { drain: self.drain, name: "the session", label: Some(label.clone()) };
        let (lifetime, stop) = (self.lifetime, self.stop.clone());
        self.relays.spawn(async move {
            let ended = async {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(lifetime) => {}
                }
            };
            relay::run(client, server, manner, ended).await;
        });
        Ok(Opened { channel, starting })
    }
}

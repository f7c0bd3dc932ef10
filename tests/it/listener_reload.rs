//! Files of a server that change while it runs (catalogue C09, C10; threat 22).

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::SystemTime;

use mcp_secure_remote::limits;
use mcp_secure_remote::tls::AcceptReason;
use mcp_secure_remote::tls::Alpn;
use mcp_secure_remote::tls::ClientTls;
use rustls_pki_types::pem::PemObject;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::support::listener::HOST;
use crate::support::listener::Listener;
use crate::support::pki::Ca;
use crate::support::pki::DAY;
use crate::support::pki::Leaf;
use crate::support::pki::write;

/// Lets the time pass after which files are looked at again.
async fn pass() {
    tokio::time::pause();
    tokio::time::advance(limits::RELOAD_CHECK + Duration::from_millis(1)).await;
    tokio::time::resume();
}

async fn refresh(listener: &Listener) -> u64 {
    pass().await;
    listener.tls.refresh().await
}

/// Collects what is logged on this thread until it is dropped.
struct Logged {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Logged {
    fn begin() -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let copy = Arc::clone(&text);
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || Log(Arc::clone(&copy))).finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    fn count(&self, words: &str) -> usize {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap().matches(words).count()
    }
}

struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn leaf_der(leaf: &Leaf) -> Vec<u8> {
    leaf.chain[0].to_vec()
}

#[tokio::test]
async fn a_replaced_server_certificate_is_shown_to_the_next_client() {
    let listener = Listener::demanding().await;
    let client = listener.client(Some(&listener.ca.client("dev")));
    let old = listener.call(&client).await.unwrap();
    let new = listener.ca.server(&[HOST]);
    assert_ne!(old, leaf_der(&new));
    listener.replace_identity(&new);
    assert_eq!(listener.tls.refresh().await, 0, "files are looked at once a second only");
    // Nobody asks for it: the next connection looks by itself.
    pass().await;
    assert_eq!(listener.call(&client).await.unwrap(), leaf_der(&new));
    assert_eq!(refresh(&listener).await, 1, "nothing has changed since");
}

#[tokio::test]
async fn a_server_looks_at_its_files_at_once_when_it_is_told_to() {
    let listener = Listener::demanding().await;
    let client = listener.client(Some(&listener.ca.client("dev")));
    let new = listener.ca.server(&[HOST]);
    listener.replace_identity(&new);
    assert_eq!(listener.tls.reload().await, Ok(1));
    assert_eq!(listener.call(&client).await.unwrap(), leaf_der(&new));
    listener.write("server.key", "damaged");
    let report = listener.tls.reload().await.unwrap_err();
    assert!(report.to_string().contains("server.key"), "{report}");
    assert!(listener.tls.reload_failed());
    assert_eq!(listener.call(&client).await.unwrap(), leaf_der(&new));
}

#[tokio::test]
async fn broken_server_files_keep_the_old_ones_and_are_logged_once() {
    let listener = Listener::demanding().await;
    let client = listener.client(Some(&listener.ca.client("dev")));
    let old = listener.call(&client).await.unwrap();
    let logged = Logged::begin();
    let new = listener.ca.server(&[HOST]);
    // Halfway through a renewal: the certificate is there, its key is not yet.
    listener.write("server.pem", new.chain_pem());
    for _ in 0..3 {
        assert_eq!(refresh(&listener).await, 0);
        assert!(listener.tls.reload_failed());
        assert_eq!(listener.call(&client).await.unwrap(), old);
    }
    assert_eq!(logged.count("the old ones stay in force"), 1);
    assert_eq!(logged.count("KeyMismatch"), 1);
    listener.replace_identity(&new);
    assert_eq!(refresh(&listener).await, 1);
    assert!(!listener.tls.reload_failed());
    assert_eq!(listener.call(&client).await.unwrap(), leaf_der(&new));
    assert_eq!(logged.count("the old ones stay in force"), 1);
    assert_eq!(logged.count("new connections use the new ones"), 1);
}

/// As Kubernetes renews a mounted secret: the files that were named never change.
#[cfg(unix)]
#[tokio::test]
async fn a_link_to_server_files_that_is_swapped_is_noticed() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("one")).unwrap();
    std::fs::create_dir(at("two")).unwrap();
    symlink("one", at("data")).unwrap();
    let mut second = None;
    let listener = Listener::start(|options, ca| {
        for (name, leaf) in [("one", ca.server(&[HOST])), ("two", ca.server(&[HOST]))] {
            std::fs::write(at(name).join("tls.crt"), leaf.chain_pem()).unwrap();
            std::fs::write(at(name).join("tls.key"), leaf.key.serialize_pem()).unwrap();
            second = Some(leaf);
        }
        let (cert, key) = (at("data").join("tls.crt"), at("data").join("tls.key"));
        options.identity = mcp_secure_remote::tls::IdentitySource::Pem { cert, key };
    })
    .await;
    let client = listener.client(Some(&listener.ca.client("dev")));
    listener.call(&client).await.unwrap();
    symlink("two", at("next")).unwrap();
    std::fs::rename(at("next"), at("data")).unwrap();
    assert_eq!(refresh(&listener).await, 1);
    assert_eq!(listener.call(&client).await.unwrap(), leaf_der(&second.unwrap()));
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_key_from_a_pipe_is_not_waited_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut writer = None;
    let listener = Listener::start(|options, ca| {
        let leaf = ca.server(&[HOST]);
        let (to, text) = (pipe.clone(), leaf.key.serialize_pem());
        writer = Some(std::thread::spawn(move || std::fs::write(to, text).unwrap()));
        let cert = write(&folder, "server.pem", leaf.chain_pem());
        options.identity = mcp_secure_remote::tls::IdentitySource::Pem { cert, key: pipe };
    })
    .await;
    writer.unwrap().join().unwrap();
    write(&folder, "server.pem", listener.ca.server(&[HOST]).chain_pem());
    assert_eq!(refresh(&listener).await, 0);
    let report = listener.tls.reload().await.unwrap_err();
    assert!(report.to_string().contains("pipe"), "{report}");
}

#[tokio::test]
async fn a_replaced_client_ca_holds_for_the_next_client() {
    let mut listener = Listener::demanding().await;
    let next = Ca::new("next");
    let (old, new) = (listener.ca.client("old"), next.client("new"));
    let (old, new) = (listener.client(Some(&old)), listener.client(Some(&new)));
    assert!(listener.call(&new).await.is_err());
    listener.refusal(AcceptReason::UnknownCa).await;
    listener.write("client-ca.pem", "damaged");
    assert_eq!(refresh(&listener).await, 0);
    listener.call(&old).await.unwrap();
    listener.outcome().await.unwrap();
    listener.write("client-ca.pem", next.pem());
    assert_eq!(refresh(&listener).await, 1);
    listener.call(&new).await.unwrap();
    assert_eq!(listener.outcome().await.unwrap().unwrap().subject, "CN=new");
    assert!(listener.call(&old).await.is_err());
    listener.refusal(AcceptReason::UnknownCa).await;
}

/// A list of another CA would lock everybody out, so it is as bad as a damaged one.
#[tokio::test]
async fn a_replaced_revocation_list_holds_for_the_next_client() {
    let later = SystemTime::now() + DAY;
    let folder = tempfile::tempdir().unwrap();
    let mut listener = Listener::start(|options, ca| {
        options.crls = vec![write(&folder, "ca.crl", ca.crl(&[], later))];
    })
    .await;
    let leaf = listener.ca.client("dev");
    let client = listener.client(Some(&leaf));
    for broken in ["damaged".to_owned(), Ca::new("other").crl(&[], later)] {
        write(&folder, "ca.crl", broken);
        assert_eq!(refresh(&listener).await, 0);
        assert!(listener.tls.reload_failed());
        listener.call(&client).await.unwrap();
        listener.outcome().await.unwrap();
    }
    write(&folder, "ca.crl", listener.ca.crl(&[&leaf], later));
    assert_eq!(refresh(&listener).await, 1);
    assert!(!listener.tls.reload_failed());
    assert!(listener.call(&client).await.is_err());
    listener.refusal(AcceptReason::Revoked).await;
}

#[tokio::test]
async fn who_is_revoked_while_connected_can_be_told_apart() {
    let later = SystemTime::now() + DAY;
    let folder = tempfile::tempdir().unwrap();
    let mut listener = Listener::start(|options, ca| {
        options.crls = vec![write(&folder, "ca.crl", ca.crl(&[], later))];
    })
    .await;
    let mut generations = listener.tls.generations();
    let (good, bad) = (listener.ca.client("good"), listener.ca.client("bad"));
    let mut connected = Vec::new();
    for leaf in [&good, &bad] {
        listener.call(&listener.client(Some(leaf))).await.unwrap();
        connected.push(listener.outcome().await.unwrap().unwrap());
    }
    assert!(connected.iter().all(|certificate| listener.tls.still_trusts(certificate)));
    assert!(!generations.has_changed().unwrap());
    write(&folder, "ca.crl", listener.ca.crl(&[&bad], later));
    listener.tls.reload().await.unwrap();
    assert!(generations.has_changed().unwrap());
    assert_eq!(*generations.borrow_and_update(), 1);
    let trusted: Vec<_> = connected.iter().map(|it| listener.tls.still_trusts(it)).collect();
    assert_eq!(trusted, [true, false]);
}

/// A client behind an intermediate is judged with the whole chain that it sent.
#[tokio::test]
async fn whoever_came_with_a_chain_is_still_trusted_after_a_reload() {
    let mut listener = Listener::demanding().await;
    let leaf = listener.ca.intermediate("middle").client("dev");
    listener.call(&listener.client(Some(&leaf))).await.unwrap();
    let certificate = listener.outcome().await.unwrap().unwrap();
    listener.tls.reload().await.unwrap();
    assert!(listener.tls.still_trusts(&certificate));
    listener.write("client-ca.pem", Ca::new("next").pem());
    listener.tls.reload().await.unwrap();
    assert!(!listener.tls.still_trusts(&certificate));
}

/// Sends numbered blocks and checks each echo, until it is told to stop.
async fn pump(
    client: ClientTls,
    listener: std::net::SocketAddr,
    blocks: watch::Sender<u64>,
) -> u64 {
    let socket = TcpStream::connect(listener).await.unwrap();
    let mut stream = client.connect(HOST, socket, Alpn::Http1).await.unwrap();
    while !blocks.is_closed() {
        let number = *blocks.borrow();
        let byte = number.to_le_bytes()[0];
        stream.write_u8(byte).await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), byte.wrapping_add(1));
        blocks.send_modify(|blocks| *blocks += 1);
    }
    *blocks.borrow()
}

#[tokio::test]
async fn connections_pump_on_through_reloads() {
    let listener = Listener::demanding().await;
    let (mut pumps, mut counts) = (Vec::new(), Vec::new());
    for number in 0..10 {
        let client = listener.client(Some(&listener.ca.client(&format!("pump {number}"))));
        let (blocks, count) = watch::channel(0);
        counts.push(count);
        pumps.push(tokio::spawn(pump(client, listener.address, blocks)));
    }
    let visitor = listener.client(Some(&listener.ca.client("visitor")));
    let old = listener.call(&visitor).await.unwrap();
    let new = listener.ca.server(&[HOST]);
    for reload in 1..=5 {
        if reload == 3 {
            listener.replace_identity(&new);
        }
        assert_eq!(listener.tls.reload().await, Ok(reload));
        let shown = listener.call(&visitor).await.unwrap();
        assert_eq!(shown == leaf_der(&new), reload >= 3);
        assert_eq!(shown == old, reload < 3);
        // Every one of them has to move on before the next reload.
        for count in &mut counts {
            let seen = *count.borrow();
            count.wait_for(|now| *now >= seen + 50).await.unwrap();
        }
    }
    drop(counts);
    for pump in pumps {
        assert!(pump.await.unwrap() >= 250);
    }
}

#[tokio::test]
async fn files_that_change_all_the_time_lose_no_handshake() {
    let listener = Listener::demanding().await;
    let client = Arc::new(listener.client(Some(&listener.ca.client("dev"))));
    let leaves: Vec<_> = (0..3).map(|_| listener.ca.server(&[HOST])).collect();
    let known = rustls_pki_types::CertificateDer::from_pem_slice(
        &std::fs::read(listener.folder.path().join("server.pem")).unwrap(),
    );
    let mut known: Vec<_> = leaves.iter().map(leaf_der).chain([known.unwrap().to_vec()]).collect();
    known.sort();
    for round in 0..15 {
        // Any of these may find the certificate without its key.
        listener.write("server.pem", leaves[round % 3].chain_pem());
        let _ = listener.tls.reload().await;
        let shown = listener.call(&client).await.unwrap();
        assert!(known.binary_search(&shown).is_ok());
        listener.write("server.key", leaves[round % 3].key.serialize_pem());
        listener.tls.reload().await.unwrap();
        assert_eq!(listener.call(&client).await.unwrap(), leaf_der(&leaves[round % 3]));
    }
}

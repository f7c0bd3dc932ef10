//! Credential files that change while the program runs (issue item 3; catalogue C09, C10).

use std::fs;
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use mcp_secure_remote::limits;
use mcp_secure_remote::tls::ClientOptions;
use mcp_secure_remote::tls::ClientTls;
use mcp_secure_remote::tls::IdentitySource;
use tempfile::TempDir;
use tempfile::tempdir;

use crate::support::pki::Ca;
use crate::support::pki::Leaf;
use crate::support::pki::trusting;
use crate::support::pki::write;
use crate::support::tls_server::Server;
use crate::support::tls_server::demanding;
use crate::support::tls_server::open;

/// A server, a CA for both sides, and a client whose files can be changed.
struct Setting {
    folder: TempDir,
    ca: Ca,
    server: Server,
}

impl Setting {
    fn new() -> Self {
        let ca = Ca::new("CA");
        let server = Server::start(demanding(&ca.server(&["localhost"]), &[ca.der()]));
        Self { folder: tempdir().unwrap(), ca, server }
    }

    fn client(&self, identity: IdentitySource) -> ClientTls {
        let identity = Some(identity);
        ClientTls::load(ClientOptions { identity, ..trusting(&self.folder, self.ca.pem()) })
            .unwrap()
    }

    /// The certificate that the server is shown now.
    async fn shown(&self, client: &ClientTls) -> Vec<u8> {
        self.server.call(client, "localhost").await.unwrap();
        let handshake = self.server.handshake();
        handshake.client_chain[0].to_vec()
    }
}

/// Lets the time pass after which files are looked at again.
async fn refresh(client: &ClientTls) -> u64 {
    pass(limits::RELOAD_CHECK).await;
    client.refresh()
}

async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time + Duration::from_millis(1)).await;
    tokio::time::resume();
}

/// What is logged meanwhile.
fn logged(work: impl FnOnce()) -> String {
    let log = Arc::new(Mutex::new(Vec::new()));
    let copy = Arc::clone(&log);
    let subscriber = tracing_subscriber::fmt().with_writer(move || Log(Arc::clone(&copy))).finish();
    tracing::subscriber::with_default(subscriber, work);
    let text = log.lock().unwrap().clone();
    String::from_utf8(text).unwrap()
}

struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn leaf_der(leaf: &Leaf) -> Vec<u8> {
    leaf.chain[0].to_vec()
}

#[tokio::test]
async fn a_replaced_certificate_is_used_by_the_next_connection() {
    let setting = Setting::new();
    let (old, new) = (setting.ca.client("old"), setting.ca.client("new"));
    let client = setting.client(old.identity(&setting.folder));
    assert_eq!(client.refresh(), 0);
    assert_eq!(setting.shown(&client).await, leaf_der(&old));

    new.identity(&setting.folder);
    assert_eq!(client.refresh(), 0, "files are looked at once a second only");
    assert_eq!(refresh(&client).await, 1);
    assert_eq!(setting.shown(&client).await, leaf_der(&new));
    assert!(client.identity_facts().unwrap().shown().contains("CN=new"));
    assert_eq!(refresh(&client).await, 1, "nothing has changed since");
}

#[tokio::test]
async fn a_connection_made_before_goes_on() {
    use mcp_secure_remote::tls::Alpn;
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;

    let setting = Setting::new();
    let client = setting.client(setting.ca.client("old").identity(&setting.folder));
    let socket = tokio::net::TcpStream::connect(setting.server.address).await.unwrap();
    let mut stream = client.connect("localhost", socket, Alpn::Http1).await.unwrap();
    setting.ca.client("new").identity(&setting.folder);
    assert_eq!(refresh(&client).await, 1);
    stream.write_u8(1).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), 2);
}

/// Kubernetes mounts a secret as `..data -> ..2026_01/` with links to the files in it, and renews
/// it by moving another `..data` link into place: the files that were named never change.
#[cfg(unix)]
#[tokio::test]
async fn a_link_that_is_swapped_is_noticed() {
    use std::os::unix::fs::symlink;

    let setting = Setting::new();
    let (old, new) = (setting.ca.client("old"), setting.ca.client("new"));
    let root = setting.folder.path();
    for (name, leaf) in [("..1", &old), ("..2", &new)] {
        fs::create_dir(root.join(name)).unwrap();
        fs::write(root.join(name).join("tls.crt"), leaf.chain_pem()).unwrap();
        fs::write(root.join(name).join("tls.key"), leaf.key.serialize_pem()).unwrap();
    }
    symlink("..1", root.join("..data")).unwrap();
    let link = |name: &str| {
        symlink(Path::new("..data").join(name), root.join(name)).unwrap();
        root.join(name)
    };
    let client =
        setting.client(IdentitySource::Pem { cert: link("tls.crt"), key: link("tls.key") });
    assert_eq!(setting.shown(&client).await, leaf_der(&old));

    symlink("..2", root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    assert_eq!(refresh(&client).await, 1);
    assert_eq!(setting.shown(&client).await, leaf_der(&new));
}

#[tokio::test]
async fn a_broken_new_file_keeps_the_old_identity() {
    let setting = Setting::new();
    let old = setting.ca.client("old");
    let client = setting.client(old.identity(&setting.folder));
    let other_key = Ca::new("other").client("other").key.serialize_pem();
    for broken in ["", "-----BEGIN CERTIFICATE-----\nAAEC\n", &other_key] {
        write(&setting.folder, "client.key", broken);
        assert_eq!(refresh(&client).await, 0);
        assert_eq!(setting.shown(&client).await, leaf_der(&old));
    }
    fs::remove_file(setting.folder.path().join("client.key")).unwrap();
    pass(limits::RELOAD_CHECK).await;
    let said = logged(|| assert_eq!(client.refresh(), 0));
    assert!(said.contains("WARN") && said.contains("the old ones stay in force"), "{said}");
    assert!(said.contains("client.key") && said.contains("no such file"), "{said}");
    assert_eq!(setting.shown(&client).await, leaf_der(&old));
    // Repaired: the certificate that was half replaced is in use at last.
    let new = setting.ca.client("new");
    new.identity(&setting.folder);
    assert_eq!(refresh(&client).await, 1);
    assert_eq!(setting.shown(&client).await, leaf_der(&new));
}

/// `--tls-key <(pass show key)` gives the key once; to read it again would wait for ever.
#[cfg(unix)]
#[tokio::test]
async fn a_key_from_a_pipe_is_read_once() {
    let setting = Setting::new();
    let old = setting.ca.client("old");
    let IdentitySource::Pem { cert, .. } = old.identity(&setting.folder) else { unreachable!() };
    let key = setting.folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&key).status().unwrap().success());
    let (pipe, text) = (key.clone(), old.key.serialize_pem());
    let writer = std::thread::spawn(move || fs::write(pipe, text).unwrap());
    let client = setting.client(IdentitySource::Pem { cert, key });
    writer.join().unwrap();
    write(&setting.folder, "client.pem", setting.ca.client("new").chain_pem());
    assert_eq!(refresh(&client).await, 0);
    assert_eq!(setting.shown(&client).await, leaf_der(&old));
}

#[tokio::test]
async fn a_session_is_resumed_but_not_under_another_identity() {
    let setting = Setting::new();
    let client = setting.client(setting.ca.client("old").identity(&setting.folder));
    let resumed = async || {
        setting.server.call(&client, "localhost").await.unwrap();
        setting.server.handshake().resumed
    };
    assert!(!resumed().await);
    assert!(resumed().await);
    setting.ca.client("new").identity(&setting.folder);
    assert_eq!(refresh(&client).await, 1);
    assert!(!resumed().await);
}

#[tokio::test]
async fn a_replaced_ca_bundle_is_used_by_the_next_connection() {
    let folder = tempdir().unwrap();
    let (old, new) = (Ca::new("old"), Ca::new("new"));
    let server = Server::start(open(&new.server(&["localhost"])));
    let client = ClientTls::load(trusting(&folder, old.pem())).unwrap();
    assert!(server.call(&client, "localhost").await.is_err());
    write(&folder, "ca.pem", "damaged");
    assert_eq!(refresh(&client).await, 0);
    write(&folder, "ca.pem", new.pem());
    assert_eq!(refresh(&client).await, 1);
    server.call(&client, "localhost").await.unwrap();
}

#[tokio::test]
async fn a_replaced_revocation_list_is_used_by_the_next_connection() {
    let folder = tempdir().unwrap();
    let ca = Ca::new("CA");
    let leaf = ca.server(&["localhost"]);
    let later = std::time::SystemTime::now() + crate::support::pki::DAY;
    let crl = write(&folder, "ca.crl", ca.crl(&[], later));
    let server = Server::start(open(&leaf));
    let options = ClientOptions { crls: vec![crl], ..trusting(&folder, ca.pem()) };
    let client = ClientTls::load(options).unwrap();
    server.call(&client, "localhost").await.unwrap();
    write(&folder, "ca.crl", "damaged");
    assert_eq!(refresh(&client).await, 0);
    write(&folder, "ca.crl", ca.crl(&[&leaf], later));
    assert_eq!(refresh(&client).await, 1);
    assert!(server.refusal(&client, "localhost").await.cause.contains("`Revoked`"));
}

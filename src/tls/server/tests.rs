//! A server and a client of ours, over a pipe in memory.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

use super::AcceptFailure;
use super::AcceptReason;
use super::ServerTls;
use crate::limits;
use crate::tls::Alpn;
use crate::tls::Authority;
use crate::tls::ClientTls;
use crate::tls::IdentitySource;
use crate::tls::Peer;
use crate::tls::ServerOptions;
use crate::tls::explain;

/// One byte each way: who the server saw, and what the client saw, which is whether HTTP/2 was
/// agreed on.
async fn exchange(
    client: &ClientTls,
    server: &ServerTls,
) -> (Result<String, AcceptFailure>, io::Result<bool>) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let serve = async {
        let (mut stream, certificate) = server.accept(far).await?;
        let byte = stream.read_u8().await.unwrap();
        stream.write_u8(byte + 1).await.unwrap();
        stream.shutdown().await.unwrap();
        Ok(certificate.unwrap().subject.clone())
    };
    let call = async {
        let mut stream = client.connect("localhost", near, Alpn::H2AndHttp1).await?;
        stream.write_u8(1).await?;
        assert_eq!(stream.read_u8().await?, 2);
        Ok(stream.negotiated_h2())
    };
    tokio::join!(serve, call)
}

#[tokio::test]
async fn a_client_with_a_certificate_is_let_in_and_one_without_is_told_why_not() {
    let authority = Authority::new("test CA").unwrap();
    let identity = authority.server(&["localhost"]).unwrap();
    let server = ServerTls::new(&identity, &authority, Alpn::H2AndHttp1).unwrap();

    let known = ClientTls::in_memory(Some(&authority.client("dev").unwrap()), &authority);
    let (who, h2) = exchange(&known.unwrap(), &server).await;
    assert_eq!(who.unwrap(), "CN=dev");
    assert!(h2.unwrap());

    let unknown = ClientTls::in_memory(None, &authority).unwrap();
    let (refusal, error) = exchange(&unknown, &server).await;
    assert_eq!(refusal.unwrap_err().reason, AcceptReason::NoCertificate);
    let about = Peer { host: "localhost", port: 1, identity: None };
    let explanation = explain(&error.unwrap_err(), &about).unwrap();
    assert_eq!(
        explanation.cause,
        "the server demands a client certificate (TLS alert `certificate_required`)"
    );
}

#[tokio::test]
async fn what_was_made_in_memory_has_no_files_to_load_anew() {
    let authority = Authority::new("test CA").unwrap();
    let identity = authority.server(&["localhost"]).unwrap();
    let server = ServerTls::new(&identity, &authority, Alpn::Http1).unwrap();
    assert_eq!(server.refresh().await, 0);
    assert_eq!(server.reload().await, Ok(0));
    assert!(!server.reload_failed() && server.demands_certificates());
}

/// Or each connection that comes while an encrypted key is opened would open it once more.
#[tokio::test(start_paused = true)]
async fn a_change_is_acted_upon_once() {
    let authority = Authority::new("test CA").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert"), folder.path().join("key"));
    let renew = || {
        let issued = authority.server(&["localhost"]).unwrap();
        std::fs::write(&cert, issued.certificate_pem()).unwrap();
        std::fs::write(&key, issued.key_pem()).unwrap();
    };
    renew();
    let identity = IdentitySource::Pem { cert: cert.clone(), key: key.clone() };
    let server = ServerTls::load(ServerOptions::new(identity), Alpn::Http1).unwrap();
    renew();
    let mut acted = Vec::new();
    for _ in 0..3 {
        tokio::time::advance(limits::RELOAD_CHECK).await;
        acted.push(server.inner.changed());
    }
    assert_eq!(acted, [true, false, false]);
}

#[test]
fn a_server_can_be_shared_by_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<ServerTls>();
}

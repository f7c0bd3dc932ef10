//! Clients that get in, and clients that do not (catalogue C06-C08, C15, C16, C19, T02, T18, T20).

use std::net::Shutdown;
use std::sync::Arc;
use std::time::SystemTime;

use mcp_secure_remote::limits;
use mcp_secure_remote::tls::AcceptFailure;
use mcp_secure_remote::tls::AcceptReason;
use mcp_secure_remote::tls::Alpn;
use mcp_secure_remote::tls::ClientCertificate;
use mcp_secure_remote::tls::ClientOptions;
use mcp_secure_remote::tls::ClientTls;
use mcp_secure_remote::tls::IdentitySource;
use mcp_secure_remote::tls::MinVersion;
use mcp_secure_remote::tls::ServerTls;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::SanType;
use rustls::AlertDescription;
use rustls::version::TLS12;
use rustls::version::TLS13;
use tempfile::tempdir;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::listener::HOST;
use crate::support::listener::Listener;
use crate::support::listener::alert;
use crate::support::listener::resumed;
use crate::support::pki::Ca;
use crate::support::pki::DAY;
use crate::support::pki::Leaf;
use crate::support::pki::fixture;
use crate::support::pki::trusting;
use crate::support::pki::write;

fn later() -> SystemTime {
    SystemTime::now() + DAY
}

/// A certificate for clients, changed as the test wants.
fn client_leaf(ca: &Ca, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Leaf {
    ca.issue(&[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(params);
    })
}

#[tokio::test]
async fn a_client_is_known_by_the_names_in_its_certificate() {
    let mut listener = Listener::demanding().await;
    let leaf = client_leaf(&listener.ca, |params| {
        params.distinguished_name.push(DnType::CommonName, "dev");
        params.distinguished_name.push(DnType::OrganizationalUnitName, "pilots");
        params.subject_alt_names = vec![
            SanType::DnsName("dev.example".try_into().unwrap()),
            SanType::URI("spiffe://prod/dev".try_into().unwrap()),
        ];
    });
    listener.call(&listener.client(Some(&leaf))).await.unwrap();
    let certificate = listener.outcome().await.unwrap().unwrap();
    assert_eq!(certificate.common_names, ["dev"]);
    assert_eq!(certificate.organizational_units, ["pilots"]);
    assert_eq!(certificate.dns_names, ["dev.example"]);
    assert_eq!(certificate.uris, ["spiffe://prod/dev"]);
    let alone = ClientCertificate::from_der(&leaf.chain[0]).unwrap();
    assert_eq!(certificate.fingerprint, alone.fingerprint);
    assert_eq!(certificate.not_after, alone.not_after);
}

#[tokio::test]
async fn without_a_client_ca_nobody_is_asked_who_it_is() {
    let mut listener = Listener::start(|options, _| options.client_ca = None).await;
    let dev = listener.ca.client("dev");
    for leaf in [None, Some(&dev)] {
        listener.call(&listener.client(leaf)).await.unwrap();
        assert_eq!(listener.outcome().await, Ok(None));
    }
    assert!(!listener.tls.demands_certificates());
}

#[tokio::test]
async fn a_client_that_is_refused_is_told_and_the_log_says_what_it_should_do() {
    let mut listener = Listener::demanding().await;
    let (ca, other) = (&listener.ca, Ca::new("other"));
    let now = SystemTime::now();
    let server = ca.server(&[HOST]);
    let cases = [
        (Some(other.client("dev")), AcceptReason::UnknownCa, "CN=other", "send its intermediates"),
        (
            Some(client_leaf(ca, |params| params.not_after = (now - DAY / 2).into())),
            AcceptReason::Expired,
            "has expired on",
            "renew",
        ),
        (
            Some(client_leaf(ca, |params| params.not_before = (now + DAY).into())),
            AcceptReason::NotYetValid,
            "is valid from",
            "clock",
        ),
        (Some(server), AcceptReason::WrongUsage, "not meant for clients", "clientAuth"),
        (
            Some(Leaf::self_signed(&[], |params| params.extended_key_usages.clear())),
            AcceptReason::UnknownCa,
            "self-signed",
            "--tls-client-ca",
        ),
        (None, AcceptReason::NoCertificate, "no certificate", "--tls-client-ca"),
    ];
    let alerts = [
        AlertDescription::UnknownCA,
        AlertDescription::CertificateExpired,
        AlertDescription::CertificateExpired,
        AlertDescription::UnsupportedCertificate,
        AlertDescription::UnknownCA,
        AlertDescription::CertificateRequired,
    ];
    for version in [&TLS12, &TLS13] {
        for ((leaf, reason, cause, hint), wanted) in cases.iter().zip(alerts) {
            let config = Arc::new(listener.foreign_client(leaf.as_ref(), version));
            let error = listener.call_with(&config).await.map(|_| ()).unwrap_err();
            assert_eq!(alert(&error), Some(wanted), "{error}");
            let text = listener.refusal(*reason).await;
            assert!(text.contains(cause) && text.contains(hint), "{text}");
        }
        let dev = listener.ca.client("dev");
        listener.call_with(&Arc::new(listener.foreign_client(Some(&dev), version))).await.unwrap();
        assert_eq!(listener.outcome().await.unwrap().unwrap().subject, "CN=dev");
    }
}

#[tokio::test]
async fn a_client_certificate_for_no_purpose_in_particular_is_accepted() {
    let mut listener = Listener::demanding().await;
    let leaf = listener.ca.issue(&[], |params| params.extended_key_usages.clear());
    listener.call(&listener.client(Some(&leaf))).await.unwrap();
    assert!(listener.outcome().await.is_ok());
}

/// It stands for itself, and for nobody else.
#[tokio::test]
async fn a_client_certificate_that_is_its_own_ca_is_accepted() {
    let own = || Leaf::self_signed(&[], |params| params.extended_key_usages.clear());
    let (own, other) = (own(), own());
    let folder = tempdir().unwrap();
    let path = write(&folder, "own.pem", own.chain_pem());
    let mut listener = Listener::start(|options, _| options.client_ca = Some(path)).await;
    listener.call(&listener.client(Some(&own))).await.unwrap();
    assert!(listener.outcome().await.unwrap().is_some());
    assert!(listener.call(&listener.client(Some(&other))).await.is_err());
    assert!(listener.outcome().await.is_err());
}

#[tokio::test]
async fn a_client_certificate_of_version_1_is_to_be_reissued() {
    let mut listener = Listener::start(|options, _| {
        options.client_ca = Some(fixture("ca.pem"));
    })
    .await;
    let folder = tempdir().unwrap();
    let identity = IdentitySource::Pem {
        cert: fixture("good/x509-v1-p256/client.pem"),
        key: fixture("good/x509-v1-p256/key.pem"),
    };
    let client = listener.client_with(Some(identity), &folder);
    assert!(listener.call(&client).await.is_err());
    let text = listener.refusal(AcceptReason::BadCertificate).await;
    assert!(text.contains("CN=client-v1") && text.contains("UnsupportedCertVersion"), "{text}");
    assert!(text.contains("hint: reissue it as X.509 v3"), "{text}");
}

#[tokio::test]
async fn the_certificate_of_a_ca_is_no_client_certificate() {
    let mut listener = Listener::demanding().await;
    let leaf = client_leaf(&listener.ca, |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    assert!(listener.call(&listener.client(Some(&leaf))).await.is_err());
    let text = listener.refusal(AcceptReason::BadCertificate).await;
    assert!(text.contains("CaUsedAsEndEntity"), "{text}");
}

#[tokio::test]
async fn a_client_certificate_of_a_ca_made_anew_is_told_from_a_stranger() {
    let mut listener = Listener::demanding().await;
    let twin = Ca::new("CA");
    assert!(listener.call(&listener.client(Some(&twin.client("dev")))).await.is_err());
    let text = listener.refusal(AcceptReason::BadSignature).await;
    assert!(text.contains("was not signed with the key of the trusted CA CN=CA"), "{text}");
}

#[tokio::test]
async fn a_revoked_client_is_refused_and_others_of_its_ca_are_not() {
    let mut listener = Listener::demanding().await;
    let (good, bad) = (listener.ca.client("good"), listener.ca.client("bad"));
    listener.call(&listener.client(Some(&bad))).await.unwrap();
    assert!(listener.outcome().await.is_ok(), "without a list nobody is revoked");

    let crl = listener.write("ca.crl", listener.ca.crl(&[&bad], later()));
    let client_ca = Some(listener.folder.path().join("client-ca.pem"));
    let ca_pem = listener.ca.pem();
    let mut strict = Listener::start(|options, _| {
        (options.client_ca, options.crls) = (client_ca, vec![crl]);
    })
    .await;
    let client = |leaf: &Leaf| {
        let folder = tempdir().unwrap();
        strict.client_with(Some(leaf.identity(&folder)), &folder)
    };
    let (good, bad) = (client(&good), client(&bad));
    assert_ne!(ca_pem, strict.ca.pem());
    strict.call(&good).await.unwrap();
    assert_eq!(strict.outcome().await.unwrap().unwrap().subject, "CN=good");
    assert!(strict.call(&bad).await.is_err());
    let text = strict.refusal(AcceptReason::Revoked).await;
    assert!(text.contains("CN=bad was revoked"), "{text}");
}

#[tokio::test]
async fn a_list_that_is_out_of_date_refuses_all_clients_unless_that_is_allowed() {
    for allowed in [false, true] {
        let listener = Listener::start(|options, _| options.client_ca = None).await;
        let (ca, dev) = (&listener.ca, listener.ca.client("dev"));
        let crl = listener.write("ca.crl", ca.crl(&[], SystemTime::now() - DAY));
        let client_ca = listener.write("client-ca.pem", ca.pem());
        let mut strict = Listener::start(|options, _| {
            (options.client_ca, options.crls) = (Some(client_ca), vec![crl]);
            options.allow_expired_crl = allowed;
        })
        .await;
        let called = strict.call(&strict.client(Some(&dev))).await;
        assert_eq!(called.is_ok(), allowed);
        if allowed {
            assert!(strict.outcome().await.is_ok());
        } else {
            let text = strict.refusal(AcceptReason::RevocationUnknown).await;
            assert_eq!(text.matches(" UTC").count(), 2, "{text}");
        }
        let warnings = strict.tls.warnings(SystemTime::now()).join("\n");
        assert!(warnings.contains("ca.crl") && warnings.contains("was due on"), "{warnings}");
        assert_eq!(warnings.contains("all the same"), allowed, "{warnings}");
        drop(listener);
    }
}

#[tokio::test]
async fn every_ca_above_a_client_needs_a_list() {
    let (root, folder) = (Ca::new("root"), tempdir().unwrap());
    let middle = root.intermediate("middle");
    let (good, bad) = (middle.client("good"), middle.client("bad"));
    let client_ca = write(&folder, "root.pem", root.pem());
    let root_crl = write(&folder, "root.crl", root.crl(&[], later()));
    let middle_crl = write(&folder, "middle.crl", middle.crl(&[&bad], later()));
    for (crls, leaf, reason) in [
        (vec![&root_crl], &good, Some(AcceptReason::RevocationUnknown)),
        (vec![&root_crl, &middle_crl], &good, None),
        (vec![&root_crl, &middle_crl], &bad, Some(AcceptReason::Revoked)),
    ] {
        let mut listener = Listener::start(|options, _| {
            options.client_ca = Some(client_ca.clone());
            options.crls = crls.into_iter().cloned().collect();
        })
        .await;
        let called = listener.call(&listener.client(Some(leaf))).await;
        assert_eq!(called.is_ok(), reason.is_none());
        let outcome = listener.outcome().await;
        assert_eq!(outcome.err().map(|failure| failure.reason), reason);
    }
}

#[tokio::test]
async fn what_does_not_speak_tls_is_said_so_and_disturbs_nobody() {
    let mut listener = Listener::demanding().await;
    for garbage in [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], &[0xff; 600], b"SSH-2.0-x\r\n\r\n"] {
        let mut socket = TcpStream::connect(listener.address).await.unwrap();
        socket.write_all(garbage).await.unwrap();
        // It is hung up on, not left waiting.
        let _ = socket.read_to_end(&mut Vec::new()).await;
        let text = listener.refusal(AcceptReason::NotTls).await;
        assert!(text.contains("https://"), "{text}");
    }
    let socket = TcpStream::connect(listener.address).await.unwrap();
    socket.into_std().unwrap().shutdown(Shutdown::Both).unwrap();
    listener.refusal(AcceptReason::Closed).await;
    let dev = listener.ca.client("dev");
    listener.call(&listener.client(Some(&dev))).await.unwrap();
    assert!(listener.outcome().await.is_ok());
}

#[tokio::test]
async fn silent_clients_keep_nobody_waiting() {
    let mut listener = Listener::demanding().await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(listener.address).await.unwrap());
    }
    let dev = listener.ca.client("dev");
    listener.call(&listener.client(Some(&dev))).await.unwrap();
    assert!(listener.outcome().await.is_ok());
}

#[tokio::test]
async fn an_application_protocol_that_is_not_http_is_refused() {
    let mut listener = Listener::demanding().await;
    let dev = listener.ca.client("dev");
    let mut config = listener.foreign_client(Some(&dev), &TLS13);
    config.alpn_protocols = vec![b"smtp".to_vec()];
    let error = listener.call_with(&Arc::new(config)).await.map(|_| ()).unwrap_err();
    assert_eq!(alert(&error), Some(AlertDescription::NoApplicationProtocol));
    listener.refusal(AcceptReason::NoApplicationProtocol).await;
    for (offered, agreed) in [(&[&b"http/1.1"[..]][..], Some(&b"http/1.1"[..])), (&[], None)] {
        let mut config = listener.foreign_client(Some(&dev), &TLS13);
        config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        let stream = listener.call_with(&Arc::new(config)).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
        assert!(listener.outcome().await.is_ok());
    }
}

#[tokio::test]
async fn a_client_that_does_not_trust_us_is_said_to_have_refused() {
    let mut listener = Listener::demanding().await;
    let folder = tempdir().unwrap();
    let dev = listener.ca.client("dev").identity(&folder);
    let options =
        ClientOptions { identity: Some(dev), ..trusting(&folder, Ca::new("other").pem()) };
    let client = ClientTls::load(options).unwrap();
    assert!(listener.call(&client).await.is_err());
    let text = listener.refusal(AcceptReason::RefusedByClient).await;
    assert!(text.contains("UnknownCA") && text.contains("trust the CA"), "{text}");
}

#[tokio::test]
async fn a_server_for_tls_1_3_alone_refuses_1_2_and_one_for_both_takes_it() {
    for min_version in [MinVersion::Tls12, MinVersion::Tls13] {
        let mut listener = Listener::start(|options, _| options.min_version = min_version).await;
        let dev = listener.ca.client("dev");
        let config = Arc::new(listener.foreign_client(Some(&dev), &TLS12));
        let called = listener.call_with(&config).await.map(|_| ());
        if min_version == MinVersion::Tls12 {
            called.unwrap();
            assert!(listener.outcome().await.is_ok());
        } else {
            let error = called.unwrap_err();
            assert_eq!(alert(&error), Some(AlertDescription::ProtocolVersion), "{error}");
            listener.refusal(AcceptReason::ProtocolVersion).await;
        }
    }
}

/// Data before the handshake could be replayed, and a session that is resumed proves no
/// certificate.
#[tokio::test]
async fn no_session_is_resumed_and_no_early_data_taken() {
    let mut listener = Listener::demanding().await;
    let dev = listener.ca.client("dev");
    for version in [&TLS12, &TLS13] {
        let mut config = listener.foreign_client(Some(&dev), version);
        config.enable_early_data = true;
        let config = Arc::new(config);
        for _ in 0..3 {
            let stream = listener.call_with(&config).await.unwrap();
            assert!(!resumed(stream.get_ref().1));
            assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0);
            assert!(listener.outcome().await.is_ok());
        }
    }
}

/// In TLS 1.3 a client is on its first request before it hears that it was refused. To close with
/// that unread would reset the connection: most clients then tell of a broken pipe, and no reason.
#[tokio::test]
async fn a_refused_client_that_has_sent_much_still_learns_why() {
    let mut listener = Listener::demanding().await;
    let config = Arc::new(listener.foreign_client(None, &TLS13));
    for _ in 0..5 {
        let mut stream = listener.connect_with(&config).await.unwrap();
        for _ in 0..50 {
            stream.write_all(&[0; 4096]).await.unwrap();
            stream.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        let error = stream.read_u8().await.unwrap_err();
        assert_eq!(alert(&error), Some(AlertDescription::CertificateRequired), "{error}");
        drop(stream);
        listener.refusal(AcceptReason::NoCertificate).await;
    }
}

/// A client that stays for ever after its refusal is not waited for.
#[tokio::test]
async fn a_refused_client_is_not_read_for_long() {
    let mut listener = Listener::demanding().await;
    let client = listener.client(None);
    let socket = TcpStream::connect(listener.address).await.unwrap();
    let _stays = client.connect(HOST, socket, Alpn::Http1).await.unwrap();
    listener.refusal(AcceptReason::NoCertificate).await;
}

#[tokio::test]
async fn a_timeout_of_the_caller_has_its_own_word() {
    let listener = Listener::demanding().await;
    let (_silent, far) = tokio::io::duplex(64);
    tokio::time::pause();
    let limit = limits::CONNECT_TIMEOUT;
    let tls: &ServerTls = &listener.tls;
    assert!(tokio::time::timeout(limit, tls.accept(far)).await.is_err());
    let failure = AcceptFailure::timeout(limit);
    assert_eq!(failure.reason.as_str(), "timeout");
}

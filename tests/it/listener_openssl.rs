//! OpenSSL as the client of our server: another reading of the same standards (catalogue T02, C16).

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use mcp_secure_remote::tls::AcceptReason;

use crate::support::listener::Listener;
use crate::support::pki::Leaf;

/// `openssl s_client` to the server: whether it got an answer to its byte, and all that it printed.
async fn s_client(listener: &Listener, leaf: Option<&Leaf>, more: &[&str]) -> (bool, String) {
    let at = |name: &str| listener.folder.path().join(name);
    let mut words = vec!["-connect".into(), listener.address.to_string()];
    let ca = listener.write("ca.pem", listener.ca.pem());
    let mut add = |flag: &str, path: PathBuf| {
        words.extend([flag.to_owned(), path.to_str().unwrap().to_owned()]);
    };
    add("-CAfile", ca);
    if let Some(leaf) = leaf {
        listener.write("dev.pem", leaf.chain_pem());
        listener.write("dev.key", leaf.key.serialize_pem());
        add("-cert", at("dev.pem"));
        add("-key", at("dev.key"));
    }
    words.extend(["-servername", "localhost", "-verify_return_error"].map(str::to_owned));
    words.extend(more.iter().map(|&word| word.to_owned()));
    tokio::task::spawn_blocking(move || talk(&words)).await.unwrap()
}

/// `A` must be answered by `B`. The input stays open until the answer is there, since its end makes
/// the program leave.
fn talk(words: &[String]) -> (bool, String) {
    use std::io::Read;

    let mut child = Command::new("openssl")
        .arg("s_client")
        .args(words)
        .arg("-quiet")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl");
    let mut input = child.stdin.take().unwrap();
    let _ = input.write_all(b"A");
    let mut byte = [0];
    let answered = child.stdout.take().unwrap().read_exact(&mut byte).is_ok() && byte == *b"B";
    drop(input);
    let mut printed = String::new();
    if answered {
        let _ = child.kill();
    }
    child.stderr.take().unwrap().read_to_string(&mut printed).unwrap();
    child.wait().unwrap();
    (answered, printed)
}

/// Says that a test was left out; where everything has to be there that is a failure.
fn missing() -> bool {
    let found = Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("LEFT OUT: there is no `openssl` here");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "openssl is missing");
    }
    !found
}

#[tokio::test]
async fn openssl_with_a_certificate_gets_in_by_both_versions_of_tls() {
    if missing() {
        return;
    }
    let mut listener = Listener::demanding().await;
    let dev = listener.ca.client("dev");
    for version in ["-tls1_2", "-tls1_3"] {
        let (answered, printed) = s_client(&listener, Some(&dev), &[version]).await;
        assert!(answered, "{version}: {printed}");
        assert_eq!(listener.outcome().await.unwrap().unwrap().subject, "CN=dev");
    }
}

#[tokio::test]
async fn openssl_without_a_certificate_is_told_why_it_is_refused() {
    if missing() {
        return;
    }
    let mut listener = Listener::demanding().await;
    let stranger = crate::support::pki::Ca::new("other").client("stranger");
    for version in ["-tls1_2", "-tls1_3"] {
        let (answered, printed) = s_client(&listener, None, &[version]).await;
        assert!(!answered && printed.contains("certificate required"), "{version}: {printed}");
        listener.refusal(AcceptReason::NoCertificate).await;
        let (answered, printed) = s_client(&listener, Some(&stranger), &[version]).await;
        assert!(!answered && printed.contains("unknown ca"), "{version}: {printed}");
        listener.refusal(AcceptReason::UnknownCa).await;
    }
}

#[tokio::test]
async fn old_versions_of_tls_and_weak_suites_are_refused() {
    if missing() {
        return;
    }
    let mut listener = Listener::demanding().await;
    let dev = listener.ca.client("dev");
    for (more, reason) in [
        (&["-tls1", "-cipher", "ALL:@SECLEVEL=0"][..], AcceptReason::ProtocolVersion),
        (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], AcceptReason::ProtocolVersion),
        (&["-tls1_2", "-cipher", "AES128-SHA"], AcceptReason::NoCommonCipher),
        (&["-tls1_2", "-cipher", "AES128-GCM-SHA256"], AcceptReason::NoCommonCipher),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"], AcceptReason::NoCommonCipher),
    ] {
        let (answered, printed) = s_client(&listener, Some(&dev), more).await;
        assert!(!answered, "{more:?}: {printed}");
        listener.refusal(reason).await;
    }
}

#[tokio::test]
async fn openssl_agrees_on_the_fingerprint() {
    if missing() {
        return;
    }
    let mut listener = Listener::demanding().await;
    let dev = listener.ca.client("dev");
    listener.call(&listener.client(Some(&dev))).await.unwrap();
    let certificate = listener.outcome().await.unwrap().unwrap();
    let file = listener.write("dev.pem", dev.chain_pem());
    let print = ["x509", "-noout", "-fingerprint", "-sha256", "-in", file.to_str().unwrap()];
    let output = Command::new("openssl").args(print).output().unwrap().stdout;
    let text = String::from_utf8(output).unwrap();
    let printed = text.trim().split_once('=').unwrap().1;
    assert_eq!(printed.parse(), Ok(certificate.fingerprint));
}

//! The probe and servers of others that refuse: what OpenSSL and nginx really send, row by row.

use std::time::SystemTime;

use rcgen::ExtendedKeyUsagePurpose;

use crate::support::pki::Ca;
use crate::support::pki::DAY;
use crate::support::pki::Leaf;
use crate::support::probing::Probing;
use crate::support::probing::facts;
use crate::support::strangers;
use crate::support::strangers::Stranger;

const HOST: &str = "localhost";

/// Demands a client certificate of the CA.
const DEMANDS: [&str; 5] = ["-Verify", "1", "-verify_return_error", "-CAfile", "CA"];

/// `openssl s_server` with these arguments, probed as the client `leaf`.
#[track_caller]
fn openssl(ca: &Ca, leaf: Option<&Leaf>, args: &[&str], cause: &str, hint: &str) {
    let Some(server) = Stranger::openssl(&ca.server(&[HOST]), ca, args) else { return };
    fails(&server, ca, leaf, cause, hint);
}

#[track_caller]
fn fails(server: &Stranger, ca: &Ca, leaf: Option<&Leaf>, cause: &str, hint: &str) {
    let (probing, _files) = Probing::secure(server.port, ca, leaf);
    probing.fails("tls", "tls", cause, hint);
}

/// A server that demands a certificate, in both versions of TLS.
#[track_caller]
fn refuses(ca: &Ca, leaf: &Leaf, alert: &str, known: &str, hint: &str) {
    for version in ["-tls1_2", "-tls1_3"] {
        let args = [&DEMANDS[..], &[version]].concat();
        openssl(ca, Some(leaf), &args, alert, hint);
        openssl(ca, Some(leaf), &args, known, hint);
    }
}

fn client(ca: &Ca, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Leaf {
    ca.issue(&[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(params);
    })
}

#[test]
fn a_demanded_certificate_that_is_missing() {
    let ca = Ca::new("CA");
    let tls13 = [&DEMANDS[..], &["-tls1_3"]].concat();
    openssl(&ca, None, &tls13, "demands a client certificate (TLS alert `cert", "--tls-cert");
    let tls12 = [&DEMANDS[..], &["-tls1_2"]].concat();
    openssl(&ca, None, &tls12, "(TLS alert `handshake_failure`)", "--tls-cert");
}

#[test]
fn a_certificate_of_another_ca() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other CA"));
    let stranger = other.client("dev");
    refuses(&ca, &stranger, "`unknown_ca`", "we sent CN=dev from", "that the server trusts");
}

#[test]
fn a_certificate_outside_its_dates_with_the_clock_of_this_machine() {
    let (ca, now) = (Ca::new("CA"), SystemTime::now());
    let expired = client(&ca, |params| params.not_after = (now - DAY / 2).into());
    refuses(
        &ca,
        &expired,
        "`certificate_expired`",
        "which has expired on",
        "renew the certificate",
    );
    let early = client(&ca, |params| params.not_before = (now + DAY).into());
    refuses(&ca, &early, "`bad_certificate`", "which is valid from", "check the clock");
    refuses(&ca, &early, "`bad_certificate`", "UTC, now it is 2", "valid now");
    // Whatever the server holds against it.
    let stranger = client(&Ca::new("other CA"), |params| params.not_after = (now - DAY / 2).into());
    refuses(&ca, &stranger, "`unknown_ca`", "which has expired on", "a CA that the server trusts");
}

#[test]
fn a_server_whose_clock_is_another_is_told_with_the_dates() {
    let ca = Ca::new("CA");
    let later = SystemTime::now() + 60 * DAY;
    let later = later.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().to_string();
    let args = [&DEMANDS[..], &["-attime", &later]].concat();
    let me = ca.client("dev");
    openssl(&ca, Some(&me), &args, "which is valid from 2", "the clocks of both machines");
    openssl(&ca, Some(&me), &args, "UTC, and here it is 2", "the clocks of both machines");
}

#[test]
fn a_certificate_for_another_purpose() {
    let ca = Ca::new("CA");
    let server = ca.server(&[HOST]);
    let what = "is meant for serverAuth and not for clientAuth";
    refuses(&ca, &server, "`unsupported_certificate`", what, "the purpose clientAuth");
}

#[test]
fn a_certificate_that_was_revoked() {
    let ca = Ca::new("CA");
    let revoked = ca.client("dev");
    let crl = ca.crl(&[&revoked], SystemTime::now() + DAY);
    let args = [&DEMANDS[..], &["-crl_check", "-CRL", "CRL"]].concat();
    let server = Stranger::openssl_with(&ca.server(&[HOST]), &ca, &crl, &args);
    let Some(server) = server else { return };
    fails(&server, &ca, Some(&revoked), "`certificate_revoked`", "ask for a new certificate");
}

#[test]
fn nothing_in_common() {
    let (ca, me) = (Ca::new("CA"), Ca::new("CA").client("dev"));
    let common = "no TLS parameters in common (TLS alert `handshake_failure`)";
    for args in [
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"][..],
        &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
        &["-curves", "brainpoolP256r1"],
    ] {
        // It has nothing to do with a certificate, be it there or not.
        openssl(&ca, None, args, common, "must offer TLS 1.3");
        openssl(&ca, Some(&me), args, common, "must offer TLS 1.3");
    }
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    openssl(&ca, None, &old, "does not speak the TLS versions that we accept", "TLS 1.2 or 1.3");
    openssl(&ca, None, &["-alpn", "imap"], "`no_application_protocol`", "check the port");
}

#[test]
fn a_name_that_the_server_does_not_know() {
    let ca = Ca::new("CA");
    let strict =
        ["-servername", "a.example", "-servername_fatal", "-cert2", "CERT", "-key2", "KEY"];
    openssl(&ca, None, &strict, "`unrecognized_name`", "--tls-servername");
    let Some(nginx) = Stranger::nginx(&ca.server(&[HOST]), &ca, "ssl_reject_handshake on;") else {
        return;
    };
    fails(&nginx, &ca, None, "`unrecognized_name`", "--tls-servername");
}

#[test]
fn keys_that_are_too_small() {
    let (ca, folder) = (Ca::new("CA"), tempfile::tempdir().unwrap());
    let Some([certificate, key]) = strangers::small_key(&folder, 1024) else { return };
    let mine = Probing::of("https://localhost:1/mcp").arg("--tls-cert").arg(&certificate);
    let mine = mine.arg("--tls-key").arg(&key);
    mine.fails("identity", "tls", "too small: RSA with 1024 bits", "a key of RSA-2048");

    let [shown, key] = [&certificate, &key].map(|path| path.to_str().unwrap());
    let args = ["-cert", shown, "-cert_chain", shown, "-key", key, "-cipher", "ALL:@SECLEVEL=0"];
    let Some(server) = Stranger::openssl(&ca.server(&[HOST]), &ca, &args) else { return };
    let probing = Probing::of(&format!("https://{HOST}:{}/mcp", server.port));
    let probing = probing.arg("--tls-ca").arg(&certificate);
    probing.fails("tls", "tls", "the key of the server is too small: RSA 1024", "RSA-2048");
}

#[test]
fn nginx_that_demands_a_certificate_says_it_by_http() {
    let (ca, now) = (Ca::new("CA"), SystemTime::now());
    let block = "ssl_client_certificate CA; ssl_verify_client on;";
    let Some(nginx) = Stranger::nginx(&ca.server(&[HOST]), &ca, block) else { return };
    let refused = |leaf: Option<&Leaf>, cause: &str, hint: &str| {
        let (probing, _files) = Probing::secure(nginx.port, &ca, leaf);
        let found = probing.fails("http", "auth", cause, hint);
        assert_eq!(facts(&found, "http")["status"], 400, "{found:#}");
    };
    refused(None, "No required SSL certificate was sent", "--tls-cert");
    let stranger = Ca::new("other CA").client("dev");
    refused(Some(&stranger), "The SSL certificate error", "a CA that the server trusts");
    let expired = client(&ca, |params| params.not_after = (now - DAY / 2).into());
    refused(Some(&expired), "we sent a certificate which has expired on", "renew the certificate");
    // Both clocks: ours, and the one of its `Date`.
    refused(Some(&expired), "UTC, now it is 2", "check the clock");
    refused(Some(&expired), "GMT", "check the clock");
}

#[test]
fn nginx_that_is_spoken_to_in_clear_text() {
    let ca = Ca::new("CA");
    let Some(nginx) = Stranger::nginx(&ca.server(&[HOST]), &ca, "") else { return };
    let probing = Probing::of(&format!("http://{HOST}:{}/mcp", nginx.port)).arg("--allow-http");
    probing.fails("http", "http", "speaks TLS on this port", "use `https://`");
}

#[test]
fn nginx_that_has_no_mcp_server_behind_it() {
    let ca = Ca::new("CA");
    let block = "location /dead { proxy_pass http://127.0.0.1:1; }
        location /page.html { return 200 '<title>hello</title>'; }";
    let Some(nginx) = Stranger::nginx(&ca.server(&[HOST]), &ca, block) else { return };
    for (path, cause, hint) in [
        // Files are not for POST.
        ("/ca.pem", "a web server answers (HTTP 405)", "the port and the path"),
        ("/nowhere", "a web server answers (HTTP 404)", "the port and the path"),
        ("/page.html", "a web server answers", "the port and the path"),
        ("/dead", "lost its own server (HTTP 502)", "see that the server"),
    ] {
        let (_, files) = Probing::secure(nginx.port, &ca, None);
        let probing = Probing::of(&format!("https://{HOST}:{}{path}", nginx.port));
        let probing = probing.arg("--tls-ca").arg(files.path().join("ca.crt"));
        probing.fails("http", "http", cause, hint);
    }
}

//! What scanners for TLS find at our own server.

use std::process::Command;

use crate::support::serve::Serving;
use crate::support::serve::has_tool;

#[test]
fn a_scan_finds_two_versions_of_tls_and_no_weak_suite() {
    if !has_tool("sslscan") {
        return;
    }
    let serve = Serving::tls().start();
    let target = format!("localhost:{}", serve.address.port());
    let output = Command::new("sslscan").args(["--no-colour", "--ipv4", &target]).output().unwrap();
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    let state = |version: &str| {
        let line = found.lines().find(|line| line.starts_with(version));
        line.unwrap_or_else(|| panic!("{version} in {found}")).split_whitespace().last()
    };
    for old in ["SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"] {
        assert_eq!(state(old), Some("disabled"), "{found}");
    }
    for good in ["TLSv1.2", "TLSv1.3"] {
        assert_eq!(state(good), Some("enabled"), "{found}");
    }
    let suites: Vec<_> = found
        .lines()
        .filter(|line| line.starts_with("Preferred") || line.starts_with("Accepted"))
        .collect();
    assert!(suites.len() >= 5, "{found}");
    for suite in suites {
        let strong = ["AES_128_GCM", "AES_256_GCM", "AES128-GCM", "AES256-GCM", "CHACHA20"];
        assert!(strong.iter().any(|cipher| suite.contains(cipher)), "{suite}");
        assert!(suite.contains("TLSv1.3") || suite.contains("ECDHE"), "{suite}");
    }
    let weak = ["vulnerable to heartbleed\n", "Insecure", "Compression enabled"];
    let heartbleed = found.lines().filter(|it| it.contains("vulnerable to heartbleed"));
    assert!(heartbleed.into_iter().all(|it| it.contains("not vulnerable")), "{found}");
    assert!(weak[1..].iter().all(|word| !found.contains(word)), "{found}");
}

#[test]
fn testssl_finds_no_weakness() {
    if !has_tool("testssl") {
        return;
    }
    let serve = Serving::tls().start();
    let report = serve.path("report.csv");
    let target = format!("localhost:{}", serve.address.port());
    let mut command = Command::new("testssl");
    command.args(["--quiet", "--color", "0", "--warnings", "batch", "--ip", "127.0.0.1"]);
    command.args(["--protocols", "--std", "--vulnerable", "--csvfile"]).arg(&report).arg(&target);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = std::fs::read_to_string(&report).unwrap();
    let finding = |id: &str| {
        let row = report.lines().find(|row| row.starts_with(&format!("\"{id}\"")));
        row.unwrap_or_else(|| panic!("{id} in {report}\n{said}")).to_owned()
    };
    for old in ["SSLv2", "SSLv3", "TLS1", "TLS1_1"] {
        assert!(finding(old).contains("not offered"), "{}", finding(old));
    }
    for good in ["TLS1_2", "TLS1_3"] {
        assert!(finding(good).contains("offered"), "{}", finding(good));
    }
    for row in report.lines() {
        let severity = row.split("\",\"").nth(3).unwrap_or_default();
        assert!(!matches!(severity, "MEDIUM" | "HIGH" | "CRITICAL"), "{row}");
    }
}

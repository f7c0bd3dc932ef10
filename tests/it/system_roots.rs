//! The system's own roots. The variable that names them is the process's, so that each test runs
//! in a process of its own.

use std::path::PathBuf;
use std::process::Command;

use mcp_secure_remote::tls::ClientOptions;
use mcp_secure_remote::tls::ClientTls;
use tempfile::tempdir;

use crate::support::pki::Ca;
use crate::support::pki::trusting;
use crate::support::pki::write;
use crate::support::tls_server::Server;
use crate::support::tls_server::open;

/// Where rustls-native-certs looks; OpenSSL knows the variable as well.
const SYSTEM: &str = "SSL_CERT_FILE";
const ALONE: &str = "SYSTEM_ROOTS_ALONE";

/// Runs the named test again with a file of its own as the system's roots. In there it returns
/// the path of that file, which does not exist yet.
fn alone(test: &str) -> Option<PathBuf> {
    if std::env::var_os(ALONE).is_some() {
        return std::env::var_os(SYSTEM).map(PathBuf::from);
    }
    let folder = tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("system_roots::{test}")])
        .env(ALONE, "1")
        .env(SYSTEM, folder.path().join("system.pem"))
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    None
}

#[tokio::test]
async fn roots_of_the_user_come_on_top_of_the_systems_unless_they_are_to_be_alone() {
    let Some(system) =
        alone("roots_of_the_user_come_on_top_of_the_systems_unless_they_are_to_be_alone")
    else {
        return;
    };
    let folder = tempdir().unwrap();
    let (of_system, of_user) = (Ca::new("system"), Ca::new("user"));
    std::fs::write(system, of_system.pem()).unwrap();
    let system_server = Server::start(open(&of_system.server(&["localhost"])));
    let user_server = Server::start(open(&of_user.server(&["localhost"])));

    let plain = ClientTls::load(ClientOptions::default()).unwrap();
    system_server.call(&plain, "localhost").await.unwrap();
    assert!(user_server.call(&plain, "localhost").await.is_err());

    let alone = trusting(&folder, of_user.pem());
    let both = ClientTls::load(ClientOptions { ca_only: false, ..alone.clone() }).unwrap();
    system_server.call(&both, "localhost").await.unwrap();
    user_server.call(&both, "localhost").await.unwrap();
    assert!(system_server.call(&both, "other.example").await.is_err());

    let alone = ClientTls::load(alone).unwrap();
    assert!(system_server.call(&alone, "localhost").await.is_err());
    user_server.call(&alone, "localhost").await.unwrap();
}

/// Seen by a file of the system that is written after the client was loaded.
#[tokio::test]
async fn the_systems_roots_are_read_only_when_those_of_the_user_do_not_suffice() {
    let Some(system) =
        alone("the_systems_roots_are_read_only_when_those_of_the_user_do_not_suffice")
    else {
        return;
    };
    let folder = tempdir().unwrap();
    let (of_system, of_user) = (Ca::new("system"), Ca::new("user"));
    let options = ClientOptions { ca_only: false, ..trusting(&folder, of_user.pem()) };
    let client = ClientTls::load(options).unwrap();
    let user_server = Server::start(open(&of_user.server(&["localhost"])));
    user_server.call(&client, "localhost").await.unwrap();
    std::fs::write(system, of_system.pem()).unwrap();
    let system_server = Server::start(open(&of_system.server(&["localhost"])));
    system_server.call(&client, "localhost").await.unwrap();
}

#[test]
fn a_system_without_roots_is_said_so_at_start_unless_a_ca_is_given() {
    let Some(_) = alone("a_system_without_roots_is_said_so_at_start_unless_a_ca_is_given") else {
        return;
    };
    let folder = tempdir().unwrap();
    let report = ClientTls::load(ClientOptions::default()).unwrap_err();
    assert!(report.cause.unwrap().contains("the system has no CA certificates"));
    assert!(report.hint.unwrap().contains("--tls-ca"));
    let ca = Some(write(&folder, "ca.pem", Ca::new("CA").pem()));
    ClientTls::load(ClientOptions { ca, ..ClientOptions::default() }).unwrap();
    let skip_verify = true;
    ClientTls::load(ClientOptions { skip_verify, ..ClientOptions::default() }).unwrap();
}

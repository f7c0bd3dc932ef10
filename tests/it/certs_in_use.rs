//! Certificates of `certs` in handshakes, with peers that others wrote; and those of the original tool,
//! which have no subject alternative name and Ed25519 keys (catalogue C18).

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Stdio;

use mcp_secure_remote::secret::Secret;
use mcp_secure_remote::tls::Alpn;
use mcp_secure_remote::tls::ClientOptions;
use mcp_secure_remote::tls::ClientTls;
use mcp_secure_remote::tls::IdentitySource;
use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;
use tempfile::tempdir;

use crate::support::tls_server;
use crate::support::tls_server::Server;
use crate::support::tools::openssl;
use crate::support::tools::said;
use crate::support::tools::text;
use crate::support::tools::tool;

/// Both ends in memory: prints who the client was, if both accept each other.
const PYTHON: &str = r#"
import ssl, sys
folder = sys.argv[1]
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(folder + "/server.crt", folder + "/server.key")
server.load_verify_locations(folder + "/ca.crt")
server.verify_mode = ssl.CERT_REQUIRED
client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
client.load_cert_chain(folder + "/client.crt", folder + "/client.key")
client.load_verify_locations(folder + "/ca.crt")
for context in server, client:
    context.verify_flags |= ssl.VERIFY_X509_STRICT
for name in sys.argv[2:]:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there, server_hostname=name),
            server.wrap_bio(there, back, server_side=True)]
    waiting = list(ends)
    for _ in range(20):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
    assert not waiting, "the handshake does not end"
    print(name, dict(pair[0] for pair in ends[1].getpeercert()["subject"])["commonName"])
"#;

/// The same with Node, over a socket.
const NODE: &str = r#"
const fs = require('fs'), tls = require('tls');
const [folder, ...names] = process.argv.slice(1);
const file = (name) => fs.readFileSync(`${folder}/${name}`);
const identity = (name) => ({ cert: file(`${name}.crt`), key: file(`${name}.key`), ca: file('ca.crt') });
const demands = { requestCert: true, rejectUnauthorized: true };
const server = tls.createServer({ ...identity('server'), ...demands }, (socket) => {
  socket.end(socket.getPeerCertificate().subject.CN);
});
server.listen(0, '127.0.0.1', async () => {
  for (const servername of names) {
    const options = { ...identity('client'), host: '127.0.0.1', port: server.address().port };
    const checkServerIdentity = (_, certificate) => tls.checkServerIdentity(servername, certificate);
    const socket = tls.connect({ ...options, checkServerIdentity });
    for await (const text of socket) console.log(servername, text.toString());
  }
  server.close();
});
"#;

/// The five files, and their folder.
struct Set {
    folder: TempDir,
}

impl Set {
    /// As our own program makes it.
    fn ours(flags: &[&str]) -> Self {
        let set = Self { folder: tempdir().unwrap() };
        let mut command = tool(env!("CARGO_BIN_EXE_mcp-secure-remote"));
        command.env("MCP_REMOTE_PFX_PASSPHRASE", "correct horse");
        said(command.args(["certs", "--output"]).arg(set.folder.path()).args(flags));
        set
    }

    /// As the original tool makes it: Ed25519, no subject alternative names, its own subjects.
    fn original() -> Self {
        let set = Self { folder: tempdir().unwrap() };
        let extensions = |name: &str, usage: &str, purpose: &str| {
            let purpose = format!("extendedKeyUsage=critical,{purpose}\n");
            let text = format!("basicConstraints=critical,CA:FALSE\nkeyUsage={usage}\n{purpose}");
            fs::write(set.path(name), text).unwrap();
        };
        extensions("server.ext", "digitalSignature", "serverAuth");
        extensions("client.ext", "digitalSignature", "clientAuth");
        let (ca, ca_key) = (set.shown("ca.crt"), set.shown("its.key"));
        let subject = |name: &str| format!("/O=mcptp/CN=mcptp-{name}");
        said(
            openssl(&["req", "-x509", "-newkey", "ed25519", "-noenc", "-days", "3650"])
                .args(["-config", "/dev/null", "-subj", &subject("CA"), "-keyout", &ca_key])
                .args(["-addext", "basicConstraints=critical,CA:TRUE"])
                .args(["-addext", "keyUsage=critical,keyCertSign", "-out", &ca]),
        );
        for name in ["server", "client"] {
            let file = |ending: &str| set.shown(&format!("{name}.{ending}"));
            said(openssl(&["req", "-newkey", "ed25519", "-noenc", "-config", "/dev/null"]).args([
                "-subj",
                &subject(name),
                "-keyout",
                &file("key"),
                "-out",
                &file("csr"),
            ]));
            said(
                openssl(&["x509", "-req", "-in", &file("csr"), "-CA", &ca, "-CAkey", &ca_key])
                    .args(["-days", "3650", "-extfile", &file("ext"), "-out", &file("crt")]),
            );
        }
        set
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path(name)).unwrap()
    }

    /// A server of rustls, which demands a certificate of `clients`.
    fn server_for(&self, clients: &Self) -> Server {
        let key = PrivateKeyDer::from_pem_file(self.path("server.key")).unwrap();
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let certified = CertifiedKey::new(vec![self.certificate("server.crt")], key);
        let verifier = tls_server::client_verifier(&[clients.certificate("ca.crt")]);
        Server::start(tls_server::config(certified, verifier, rustls::ALL_VERSIONS))
    }

    /// Our client side, which trusts `other` and shows an identity of this set.
    fn client_at(&self, other: &Self, identity: IdentitySource) -> ClientTls {
        ClientTls::load(ClientOptions {
            identity: Some(identity),
            passphrase: Some(Secret::new("correct horse".to_owned())),
            ca: Some(other.path("ca.crt")),
            ca_only: true,
            ..ClientOptions::default()
        })
        .unwrap()
    }

    fn pem(&self) -> IdentitySource {
        IdentitySource::Pem { cert: self.path("client.crt"), key: self.path("client.key") }
    }
}

/// `openssl s_server`, which demands a client certificate.
struct OpensslServer {
    child: Child,
    port: u16,
}

impl OpensslServer {
    fn start(identity: &Set, clients: &Set) -> Self {
        let mut child = openssl(&["s_server", "-accept", "127.0.0.1:0", "-naccept", "1"])
            .args(["-Verify", "1", "-verify_return_error", "-x509_strict", "-purpose", "sslclient"])
            .args(["-CAfile", &clients.shown("ca.crt"), "-cert", &identity.shown("server.crt")])
            .args(["-key", &identity.shown("server.key"), "-rev"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // `ACCEPT 127.0.0.1:43210`
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
        let port = lines
            .filter_map(|line| line.strip_prefix("ACCEPT ")?.rsplit(':').next()?.parse().ok())
            .next()
            .expect("s_server says where it listens");
        Self { child, port }
    }
}

impl Drop for OpensslServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `openssl s_client` with an identity; whether it was let in, and what it said.
fn s_client(port: u16, name: &str, identity: &Set, trust: &Path) -> (bool, String) {
    let mut child = openssl(&["s_client", "-verify_return_error", "-x509_strict"])
        .args(["-connect", &format!("127.0.0.1:{port}"), "-verify_hostname", name])
        .args(["-cert", &identity.shown("client.crt"), "-key", &identity.shown("client.key")])
        .arg("-CAfile")
        .arg(trust)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The server answers each line by the same backwards.
    child.stdin.as_mut().unwrap().write_all(b"olleh\n").unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    while !said.ends_with("hello\n") && lines.read_line(&mut said).unwrap() > 0 {}
    let accepted = said.ends_with("hello\n") && said.contains("Verify return code: 0 (ok)");
    drop(child.stdin.take());
    let errors = child.wait_with_output().unwrap().stderr;
    (accepted, said + &text(&errors))
}

#[test]
fn two_openssls_accept_each_other() {
    let (set, other) = (Set::ours(&["--host", "mcp.example.com"]), Set::ours(&[]));
    for name in ["localhost", "mcp.example.com"] {
        let server = OpensslServer::start(&set, &set);
        let (accepted, said) = s_client(server.port, name, &set, &set.path("ca.crt"));
        assert!(accepted, "{said}");
    }
    let server = OpensslServer::start(&set, &set);
    let (accepted, said) = s_client(server.port, "localhost", &other, &set.path("ca.crt"));
    assert!(!accepted, "{said}");
}

#[test]
fn python_and_node_accept_both_sides() {
    let set = Set::ours(&["--host", "mcp.example.com"]);
    let names = ["localhost", "127.0.0.1", "::1", "mcp.example.com"];
    for (program, flag, script) in [("python3", "-c", PYTHON), ("node", "-e", NODE)] {
        if tool(program).arg("--version").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "{program} is missing");
            eprintln!("SKIPPED: {program} is missing");
            continue;
        }
        let mut command = tool(program);
        command.args([flag, script]).arg(set.folder.path()).args(names);
        let told = text(&said(&mut command).stdout);
        assert_eq!(told, names.map(|name| format!("{name} client\n")).concat(), "{program}");
    }
}

#[tokio::test]
async fn our_client_side_takes_certificate_and_bundle_to_a_server_that_demands_them() {
    let set = Set::ours(&["--pfx"]);
    let server = set.server_for(&set);
    for identity in [set.pem(), IdentitySource::Pkcs12(set.path("client.p12"))] {
        let client = set.client_at(&set, identity);
        assert!(client.warnings(std::time::SystemTime::now()).is_empty());
        server.call(&client, "localhost").await.unwrap();
        // The CA in the bundle is for others; it is not sent.
        assert_eq!(server.handshake().client_chain, [set.certificate("client.crt")]);
    }
}

#[tokio::test]
async fn our_client_side_is_accepted_by_a_server_of_openssl() {
    let set = Set::ours(&[]);
    let server = OpensslServer::start(&set, &set);
    let socket = tokio::net::TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    let client = set.client_at(&set, set.pem());
    let mut stream = client.connect("localhost", socket, Alpn::H2AndHttp1).await.unwrap();
    let mut answer = [0; 6];
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"olleh\n").await.unwrap();
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer).await.unwrap();
    assert_eq!(&answer, b"hello\n");
}

/// The original's clients at our kind of server: webpki asks for no subject alternative name there.
#[tokio::test]
async fn a_client_of_the_originals_set_is_accepted_by_our_kind_of_server() {
    let (ours, original) = (Set::ours(&[]), Set::original());
    let server = ours.server_for(&original);
    server.call(&original.client_at(&ours, original.pem()), "localhost").await.unwrap();
    assert_eq!(server.handshake().client_chain, [original.certificate("client.crt")]);
    // Those of another CA are not.
    server.refusal(&ours.client_at(&ours, ours.pem()), "localhost").await;
}

/// And the other way round: what the original would check, by OpenSSL in its place.
#[test]
fn a_server_of_the_originals_set_accepts_a_client_of_ours() {
    let (ours, original) = (Set::ours(&[]), Set::original());
    let server = OpensslServer::start(&original, &ours);
    let (accepted, said) = s_client(server.port, "mcptp-server", &ours, &original.path("ca.crt"));
    assert!(accepted, "{said}");
}

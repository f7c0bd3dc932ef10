//! Servers that others wrote, on ports of their own: OpenSSL and nginx.

use std::env;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Child;
use std::process::Stdio;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::thread;

use tempfile::TempDir;

use crate::support::pki::Ca;
use crate::support::pki::Leaf;
use crate::support::pki::write;
use crate::support::tools;

/// A server that runs until it is dropped, and its files.
pub(crate) struct Stranger {
    child: Child,
    pub(crate) port: u16,
    _folder: TempDir,
}

impl Stranger {
    /// `openssl s_server` with the certificate `leaf`; `CA` among the arguments is the file of `ca`.
    /// `None`, with a line, where there is no OpenSSL.
    pub(crate) fn openssl(leaf: &Leaf, ca: &Ca, args: &[&str]) -> Option<Self> {
        Self::openssl_with(leaf, ca, "", args)
    }

    /// The same with revocation lists beside the certificate of `ca`.
    pub(crate) fn openssl_with(leaf: &Leaf, ca: &Ca, crl: &str, args: &[&str]) -> Option<Self> {
        of_system("openssl", "openssl")?;
        let folder = files(leaf, ca);
        write(&folder, "crl.pem", crl);
        let at = |name: &str| folder.path().join(name).display().to_string();
        let mut command = tools::openssl(&["s_server", "-accept", "127.0.0.1:0", "-rev"]);
        command.args(["-cert", &at("server.pem"), "-cert_chain", &at("server.pem")]);
        command.args(["-key", &at("server.key")]);
        for arg in args {
            match *arg {
                "CA" => command.arg(at("ca.pem")),
                "CRL" => command.arg(at("crl.pem")),
                "CERT" => command.arg(at("server.pem")),
                "KEY" => command.arg(at("server.key")),
                other => command.arg(other),
            };
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // `ACCEPT 127.0.0.1:43210`
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut ports =
            lines.filter_map(|line| line.strip_prefix("ACCEPT ")?.rsplit(':').next()?.parse().ok());
        let port = ports.next().expect("s_server says where it listens");
        // It must not wait for a reader.
        thread::spawn(move || ports.for_each(drop));
        Some(Self { child, port, _folder: folder })
    }

    /// nginx with TLS and this text in its server block, where `CA` is the file of `ca`. `None`, with
    /// a line, where there is no nginx.
    pub(crate) fn nginx(leaf: &Leaf, ca: &Ca, block: &str) -> Option<Self> {
        let program = of_system("nginx", "nginx")?;
        let folder = files(leaf, ca);
        let port = lasting_port(); // nginx cannot be asked for a free one
        let block = block.replace("CA", folder.path().join("ca.pem").to_str().unwrap());
        let text = NGINX
            .replace("PORT", &port.to_string())
            .replace("BLOCK", &block)
            .replace("FOLDER", folder.path().to_str().unwrap());
        let file = write(&folder, "nginx.conf", text);
        let mut command = tools::tool(program);
        command.arg("-p").arg(folder.path()).arg("-c").arg(file);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        // Its sockets are bound before it tells how it will wait for events.
        let mut said = String::new();
        let ready = lines.by_ref().any(|line| {
            said += &line;
            line.contains("event method")
        });
        assert!(ready, "nginx does not start: {said}");
        thread::spawn(move || lines.for_each(drop));
        Some(Self { child, port, _folder: folder })
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn files(leaf: &Leaf, ca: &Ca) -> TempDir {
    let folder = TempDir::new().unwrap();
    write(&folder, "server.pem", leaf.chain_pem());
    write(&folder, "server.key", leaf.key.serialize_pem());
    write(&folder, "ca.pem", ca.pem());
    folder
}

/// A program of the system, and the Debian package that has it. Where everything has to be there a
/// missing one is a failure.
pub(crate) fn of_system(program: &str, package: &str) -> Option<PathBuf> {
    let places = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = env::split_paths(&places).collect();
    places.push("/usr/sbin".into()); // not on every user's path
    let found = places.into_iter().map(|place| place.join(program)).find(|file| file.is_file());
    if found.is_none() {
        assert_ne!(env::var("CI").as_deref(), Ok("true"), "a peer is missing: {program}");
        let test = thread::current().name().unwrap_or_default().to_owned();
        // Not `eprintln!`: the test runner swallows that of a test which passes.
        let how = format!("{program} is not installed (`apt-get install {package}`)");
        drop(writeln!(io::stderr(), "SKIPPED: {test}: {how}"));
    }
    found
}

/// A port below those that the system gives out by itself, so that nobody takes it meanwhile.
fn lasting_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) + std::process::id() * 97;
        let port = 20_000 + (step % 12_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A self-signed certificate for `localhost` and its RSA key of so many bits, as `small.pem` and
/// `small.key` in `folder`. `None` where there is no OpenSSL.
pub(crate) fn small_key(folder: &TempDir, bits: u32) -> Option<[PathBuf; 2]> {
    of_system("openssl", "openssl")?;
    let files = ["small.pem", "small.key"].map(|name| folder.path().join(name));
    let [certificate, key] = &files;
    let mut command = tools::openssl(&["req", "-x509", "-nodes", "-subj", "/CN=small"]);
    command.args(["-config", "/dev/null", "-addext", "subjectAltName=DNS:localhost", "-newkey"]);
    command.arg(format!("rsa:{bits}")).arg("-keyout").arg(key).arg("-out").arg(certificate);
    tools::said(&mut command);
    Some(files)
}

const NGINX: &str = r"
daemon off;
master_process off;
pid FOLDER/nginx.pid;
error_log stderr notice;
events {}
http {
    access_log off;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    server {
        listen 127.0.0.1:PORT ssl http2;
        ssl_certificate FOLDER/server.pem;
        ssl_certificate_key FOLDER/server.key;
        root FOLDER;
        BLOCK
    }
}
";

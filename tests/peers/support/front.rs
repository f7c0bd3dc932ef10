//! What stands before a server that speaks plain HTTP and demands a client certificate for it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::install;
use super::pki::Pki;
use super::process;
use super::process::Server;

/// A TLS front on Node that hands the decrypted bytes on.
pub(crate) fn node(pki: &Pki, upstream: u16) -> Option<Server> {
    let mut front = install::node_driver("front.mjs")?;
    front.arg(&pki.server.certificate).arg(&pki.server.key).arg(&pki.ca);
    front.arg(upstream.to_string());
    Some(Server::start(front))
}

/// nginx as people put it before an MCP server: HTTP/2 offered, buffering off, a long read limit.
pub(crate) fn nginx(pki: &Pki, upstream: u16) -> Option<Server> {
    let program = install::of_system("nginx", "nginx")?;
    let folder = pki.folder.path();
    let port = process::lasting_port(); // nginx cannot be asked for a free one
    let file = settings(NGINX, "nginx.conf", pki, port, upstream);
    let mut command = Command::new(program);
    command.arg("-p").arg(folder).arg("-c").arg(&file);
    // Its sockets are bound before it tells how it will wait for events.
    Some(Server::start_when(command, move |line| line.contains("event method").then_some(port)))
}

/// haproxy, with HTTP/2 offered: it speaks HTTP itself, on both sides.
pub(crate) fn haproxy(pki: &Pki, upstream: u16) -> Option<Server> {
    let program = install::of_system("haproxy", "haproxy")?;
    let port = process::lasting_port();
    // It wants certificate and key in one file, and does not say by itself that it is ready.
    let pair = [&pki.server.certificate, &pki.server.key].map(|file| fs::read(file).unwrap());
    fs::write(pki.folder.path().join("server.pem"), pair.concat()).unwrap();
    settings(HAPROXY_READY, "ready.lua", pki, port, upstream);
    let file = settings(HAPROXY, "haproxy.cfg", pki, port, upstream);
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(file);
    Some(Server::start(command))
}

/// stunnel: it hands the decrypted bytes on and knows nothing of HTTP.
pub(crate) fn stunnel(pki: &Pki, upstream: u16) -> Option<Server> {
    let program = install::of_system("stunnel", "stunnel4")?;
    let port = process::lasting_port();
    let mut command = Command::new(program);
    command.arg(settings(STUNNEL, "stunnel.conf", pki, port, upstream));
    let ready = move |line: &str| line.contains("Accepting new connections").then_some(port);
    Some(Server::start_when(command, ready))
}

/// The text with its words filled in, as a file of this PKI's folder.
fn settings(text: &str, name: &str, pki: &Pki, port: u16, upstream: u16) -> PathBuf {
    let folder = pki.folder.path();
    let text = text
        .replace("FOLDER", folder.to_str().unwrap())
        .replace("CERTIFICATE", pki.server.certificate.to_str().unwrap())
        .replace("PRIVATE_KEY", pki.server.key.to_str().unwrap())
        .replace("AUTHORITY", pki.ca.to_str().unwrap())
        .replace("REVOCATIONS", pki.crl.to_str().unwrap())
        .replace("PORT", &port.to_string())
        .replace("UPSTREAM", &upstream.to_string());
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    file
}

const NGINX: &str = r#"
daemon off;
master_process off;
pid FOLDER/nginx.pid;
error_log stderr notice;
events {}
http {
    access_log /dev/stdout;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    server {
        listen 127.0.0.1:PORT ssl http2;
        ssl_certificate CERTIFICATE;
        ssl_certificate_key PRIVATE_KEY;
        ssl_client_certificate AUTHORITY;
        ssl_verify_client on;
        ssl_crl REVOCATIONS;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_buffering off;
        proxy_read_timeout 1h;
        location / {
            proxy_pass http://127.0.0.1:UPSTREAM;
        }
        location /stripped/ {
            proxy_pass http://127.0.0.1:UPSTREAM/; # which does not see the prefix
        }
        location /renamed/ {
            proxy_pass http://127.0.0.1:UPSTREAM/;
            proxy_set_header Connection "";
            proxy_set_header Host internal.example; # which the server may not know as its own
        }
        location /buffered/ {
            proxy_pass http://127.0.0.1:UPSTREAM/;
            proxy_buffering on; # as it is unless somebody thinks of it
        }
        location /pages/ {
            root FOLDER; # where there are no pages
        }
        location = /login {
            return 302 https://login.example/start?from=here;
        }
        location = /welcome {
            default_type text/html;
            return 200 "<!doctype html><title>Welcome</title><h1>Welcome</h1>";
        }
    }
}
"#;

const HAPROXY: &str = "
global
    log stdout format raw local0 info
    lua-load FOLDER/ready.lua
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend front
    bind 127.0.0.1:PORT ssl crt FOLDER/server.pem ca-file AUTHORITY verify required alpn h2,http/1.1
    default_backend back
backend back
    server upstream 127.0.0.1:UPSTREAM
";

/// A task runs once the sockets are bound.
const HAPROXY_READY: &str = r#"
core.register_task(function() io.stderr:write("LISTENING PORT\n") end)
"#;

const STUNNEL: &str = "
foreground = yes
syslog = no
debug = info
pid =
[front]
accept = 127.0.0.1:PORT
connect = 127.0.0.1:UPSTREAM
cert = CERTIFICATE
key = PRIVATE_KEY
CAfile = AUTHORITY
requireCert = yes
verifyChain = yes
";

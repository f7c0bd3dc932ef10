//! What stands before a server that speaks plain HTTP and demands a client certificate for it.

use std::fs;
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
    let program = install::nginx()?;
    let folder = pki.folder.path();
    let port = process::lasting_port(); // nginx cannot be asked for a free one
    let settings = NGINX
        .replace("FOLDER", folder.to_str().unwrap())
        .replace("CERTIFICATE", pki.server.certificate.to_str().unwrap())
        .replace("PRIVATE_KEY", pki.server.key.to_str().unwrap())
        .replace("AUTHORITY", pki.ca.to_str().unwrap())
        .replace("PORT", &port.to_string())
        .replace("UPSTREAM", &upstream.to_string());
    let file = folder.join("nginx.conf");
    fs::write(&file, settings).unwrap();
    let mut command = Command::new(program);
    command.arg("-p").arg(folder).arg("-c").arg(&file);
    // Its sockets are bound before it tells how it will wait for events.
    Some(Server::start_when(command, move |line| line.contains("event method").then_some(port)))
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
        location / {
            proxy_pass http://127.0.0.1:UPSTREAM;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_buffering off;
            proxy_read_timeout 1h;
        }
    }
}
"#;

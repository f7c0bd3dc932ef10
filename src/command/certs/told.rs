//! What the user is told: which files there are, where they go, and which command comes next.

use std::io::Write;
use std::path::PathBuf;

use crate::command::certs::name::ClientName;

/// Columns of a line: what every terminal has.
const COLUMNS: usize = 80;
/// Where what a file is begins.
const NAMES: usize = 20;

/// What was written.
pub(super) struct Told {
    pub(super) output: PathBuf,
    pub(super) clients: Vec<ClientName>,
    pub(super) pfx: bool,
    pub(super) until: String,
}

impl Told {
    /// About a whole set. `asked` are the names of the server that the user gave, `hosts` are all.
    pub(super) fn set(&self, asked: &[String], hosts: &[String], kept: bool, out: &mut impl Write) {
        let mut text = self.headline("A CA, a server certificate and");
        text += &file("ca.crt", "the CA's certificate: whom both sides trust");
        if kept {
            text += &file("ca.key", "the CA's key, encrypted: it stays here, or offline");
        }
        text += &file("server.crt", &format!("for {}", hosts.join(", ")));
        text += &file("server.key", "its private key");
        text += &self.client_files();
        text += if kept {
            "\nMore clients later: `mcp-secure-remote certs add-client`\n"
        } else {
            "\nThe key of the CA was never written: nobody can issue more certificates.\n"
        };
        let listen = if asked.is_empty() {
            text += "For a server on another machine, give its name with `--host`.\n";
            ""
        } else {
            "--listen 0.0.0.0:8623 "
        };
        text += "\nCopy ca.crt, server.crt and server.key to the server, and run there\n";
        text += &format!("  mcp-secure-remote serve {listen}--tls-client-ca ca.crt \\\n");
        text += "    --tls-cert server.crt --tls-key server.key -- COMMAND\n";
        text += &self.next(hosts.first().map_or("HOST", String::as_str));
        say(&text, out);
    }

    /// About clients that came later.
    pub(super) fn added(&self, out: &mut impl Write) {
        let mut text = self.headline("Added");
        text += &self.client_files();
        text += &self.next("HOST");
        say(&text, out);
    }

    fn headline(&self, what: &str) -> String {
        let count = self.clients.len();
        let clients = if count == 1 { "client certificate" } else { "client certificates" };
        let (until, output) = (&self.until, self.output.display());
        format!("{what} {count} {clients}, valid until {until}\nin {output}\n\n")
    }

    fn client_files(&self) -> String {
        let mut text = String::new();
        for client in &self.clients {
            text += &file(&format!("{client}.crt"), &format!("for a client, CN={client}"));
            text += &file(&format!("{client}.key"), "its private key");
            if self.pfx {
                text += &file(&format!("{client}.p12"), "both and ca.crt as PKCS#12, encrypted");
            }
        }
        text
    }

    /// What a client does; `host` is a name of the server.
    fn next(&self, host: &str) -> String {
        let client = self.clients.first().map_or("client", ClientName::as_str);
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let url = format!("https://{}:8623/mcp", host.replace("*.", "HOST."));
        let mut text = format!(
            "\nCopy ca.crt and a client's own files to its machine, and run there\n  \
             mcp-secure-remote {url} --tls-ca ca.crt \\\n    \
             --tls-cert {client}.crt --tls-key {client}.key\n"
        );
        if self.pfx {
            text += &format!(
                "or, with the bundle,\n  \
                 mcp-secure-remote {url} --tls-ca ca.crt \\\n    \
                 --tls-pfx {client}.p12 --tls-passphrase-file FILE\n"
            );
        }
        text + "\nKeys are secret: send them over a channel that you trust, to their place alone.\n"
    }
}

/// The name of a file and what it is, folded at blanks. A long name has a line by itself.
fn file(name: &str, what: &str) -> String {
    let mut text = format!("  {name:<width$}", width = NAMES - 2);
    let mut column = text.chars().count();
    if column > NAMES - 1 && name.len() > NAMES - 3 {
        text += &format!("\n{:NAMES$}", "");
        column = NAMES;
    }
    for (index, word) in what.split(' ').enumerate() {
        let width = word.chars().count();
        if index > 0 && column + 1 + width > COLUMNS {
            text += &format!("\n{:NAMES$}", "");
            column = NAMES;
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += width;
    }
    text + "\n"
}

/// All is done by now: who closed standard output does not want to know.
fn say(text: &str, out: &mut impl Write) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::COLUMNS;
    use super::Told;
    use crate::command::certs::name::ClientName;

    fn told(clients: &[&str], pfx: bool) -> Told {
        let clients = clients.iter().map(|name| ClientName::parse(name).unwrap()).collect();
        Told { output: "pki".into(), clients, pfx, until: "2035-11-19".to_owned() }
    }

    fn said(tell: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        tell(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_set_is_told_file_by_file_with_the_next_commands() {
        let hosts = ["mcp.example.com".to_owned(), "localhost".to_owned()];
        let text = said(|out| told(&["client"], false).set(&hosts[..1], &hosts, false, out));
        let expected = "\
A CA, a server certificate and 1 client certificate, valid until 2035-11-19
in pki

  ca.crt            the CA's certificate: whom both sides trust
  server.crt        for mcp.example.com, localhost
  server.key        its private key
  client.crt        for a client, CN=client
  client.key        its private key

The key of the CA was never written: nobody can issue more certificates.

Copy ca.crt, server.crt and server.key to the server, and run there
  mcp-secure-remote serve --listen 0.0.0.0:8623 --tls-client-ca ca.crt \\
    --tls-cert server.crt --tls-key server.key -- COMMAND

Copy ca.crt and a client's own files to its machine, and run there
  mcp-secure-remote https://mcp.example.com:8623/mcp --tls-ca ca.crt \\
    --tls-cert client.crt --tls-key client.key

Keys are secret: send them over a channel that you trust, to their place alone.
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_set_for_this_machine_says_how_another_one_gets_its_name() {
        let text = said(|out| told(&["c"], false).set(&[], &["localhost".to_owned()], true, out));
        assert!(text.contains("with `--host`") && !text.contains("--listen"), "{text}");
        assert!(
            text.contains("  ca.key ") && text.contains("https://localhost:8623/mcp"),
            "{text}"
        );
    }

    #[test]
    fn no_line_passes_the_last_column() {
        let hosts: Vec<_> = (0..20).map(|n| format!("host-{n}.example.com")).collect();
        let clients = ["ann@example.com", "a-client-with-a-name-that-is-long", "c"];
        let set = said(|out| told(&clients, true).set(&hosts, &hosts, true, out));
        let added = said(|out| told(&clients, true).added(out));
        for line in set.lines().chain(added.lines()) {
            assert!(line.chars().count() <= COLUMNS, "{line}");
        }
        assert!(set.contains("--tls-pfx ann@example.com.p12"));
        assert!(added.starts_with("Added 3 client certificates, valid until 2035-11-19\n"));
    }

    #[test]
    fn the_name_of_the_server_is_fit_for_a_url() {
        for (host, url) in [("fe80::1", "https://[fe80::1]:"), ("*.a.example", "https://HOST.a.e")]
        {
            let hosts = [host.to_owned()];
            let text = said(|out| told(&["c"], false).set(&hosts, &hosts, false, out));
            assert!(text.contains(url), "{text}");
        }
    }
}

//! Makes a closed PKI: a CA, a certificate for the server, and one for each client.
//!
//! The key of the CA is written nowhere, unless it is to be kept, and then encrypted. A run writes
//! all of its files or none.

pub mod name;

mod files;
mod told;

use std::fmt;
use std::io::Write;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::command::certs::files::NewFile;
use crate::command::certs::name::ClientName;
use crate::report::Report;
use crate::secret::Secret;
use crate::tls::Authority;
use crate::tls::Issued;
use crate::tls::random_id;

/// The names that a server certificate always has: who checks a new set does so on the machine itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const CA_NAME: &str = "mcp-secure-remote CA";
/// Hexadecimal digits by which the CA of a set differs from those of others: two sets with CAs of one
/// name are told apart by nobody, and by TLS as damaged ones.
const CA_DIGITS: usize = 8;
const CA_CERTIFICATE: &str = "ca.crt";
const CA_KEY: &str = "ca.key";
const SERVER: &str = "server";

/// What is to be done.
#[derive(Debug)]
pub enum Task {
    /// Issue certificates by a CA that was kept.
    AddClients(AddClientConfig),
    /// Make a new set.
    Create(CertsConfig),
}

impl Task {
    /// Does it, and tells on `out` which files were written and what comes next.
    ///
    /// # Errors
    ///
    /// A file that is there already, a passphrase that cannot be had, a folder that cannot be written
    /// to, a CA that cannot be used. No file is left behind then.
    pub fn run(self, out: &mut impl Write) -> Result<(), Report> {
        match self {
            Self::AddClients(config) => add_clients(config, out),
            Self::Create(config) => create(config, out),
        }
    }
}

/// What a new set is to be.
#[derive(Debug)]
pub struct CertsConfig {
    /// The folder for all files; made if it is not there.
    pub output: PathBuf,
    /// DNS names and IP addresses of the server, besides those of the loopback interface.
    pub hosts: Vec<String>,
    /// Whom to issue a client certificate, at least one.
    pub clients: Vec<ClientName>,
    /// How long everything is valid.
    pub days: u32,
    /// Each client as PKCS#12 too, under this passphrase.
    pub pfx: Option<Passphrase>,
    /// Keep the key of the CA, under this passphrase.
    pub keep_ca: Option<Passphrase>,
    /// Replace files that are there already.
    pub force: bool,
}

/// What is added to a set.
#[derive(Debug)]
pub struct AddClientConfig {
    /// The folder of the set.
    pub output: PathBuf,
    /// Whom to issue a client certificate, at least one.
    pub clients: Vec<ClientName>,
    /// How long they are valid; without it as long as is usual, but not longer than the CA.
    pub days: Option<u32>,
    /// Each client as PKCS#12 too, under this passphrase.
    pub pfx: Option<Passphrase>,
    /// Opens the key of the CA.
    pub ca: Passphrase,
    /// Replace files that are there already.
    pub force: bool,
}

/// A passphrase that is asked for, or read, once it is certain to be needed.
pub struct Passphrase(Box<dyn FnOnce() -> Result<Secret, Report>>);

impl Passphrase {
    /// From where `get` finds it.
    pub fn new(get: impl FnOnce() -> Result<Secret, Report> + 'static) -> Self {
        Self(Box::new(get))
    }

    fn get(self) -> Result<Secret, Report> {
        (self.0)()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn create(config: CertsConfig, out: &mut impl Write) -> Result<(), Report> {
    let CertsConfig { output, hosts, clients, days, pfx, keep_ca, force } = config;
    let mut names: Vec<_> = [CA_CERTIFICATE, "server.crt", "server.key"].map(str::to_owned).into();
    names.push(CA_KEY.to_owned());
    names.extend(client_files(&clients, pfx.is_some()));
    files::check(&output, &names, force)?;
    if keep_ca.is_none() {
        files::check_stale(&output, CA_KEY)?;
    }
    let keep_ca = keep_ca.map(Passphrase::get).transpose()?;
    let pfx = pfx.map(Passphrase::get).transpose()?;

    let authority = Authority::lasting(&ca_name(), days)?;
    let names = server_names(&hosts);
    let server = authority.server(&names)?;
    let mut new = vec![NewFile::public(CA_CERTIFICATE, authority.certificate_pem())];
    if let Some(passphrase) = &keep_ca {
        new.push(NewFile::private(CA_KEY, text(&authority.sealed_key(passphrase)?)));
    }
    new.extend(pair(SERVER, &server));
    for client in &clients {
        new.extend(client_set(&authority, client, pfx.as_ref())?);
    }
    files::write(&output, &new, force)?;
    let told = told::Told { output, clients, pfx: pfx.is_some(), until: authority.last_day() };
    let names: Vec<_> = names.into_iter().map(str::to_owned).collect();
    told.set(&hosts, &names, keep_ca.is_some(), out);
    Ok(())
}

fn add_clients(config: AddClientConfig, out: &mut impl Write) -> Result<(), Report> {
    let AddClientConfig { output, clients, days, pfx, ca, force } = config;
    files::check(&output, &client_files(&clients, pfx.is_some()), force)?;
    let (certificate, key) = (output.join(CA_CERTIFICATE), output.join(CA_KEY));
    files::check_present(&certificate)?;
    files::check_present(&key)?;
    let authority = Authority::load(&certificate, &key, &ca.get()?, days)?;
    let pfx = pfx.map(Passphrase::get).transpose()?;
    let mut new = Vec::new();
    for client in &clients {
        new.extend(client_set(&authority, client, pfx.as_ref())?);
    }
    files::write(&output, &new, force)?;
    let told = told::Told { output, clients, pfx: pfx.is_some(), until: authority.last_day() };
    told.added(out);
    Ok(())
}

/// `mcp-secure-remote CA 1f0a3c5e`.
fn ca_name() -> String {
    let digits: Option<String> = random_id().map(|id| id.chars().take(CA_DIGITS).collect());
    digits.map_or_else(|| CA_NAME.to_owned(), |digits| format!("{CA_NAME} {digits}"))
}

/// Those asked for, then those of the loopback interface; each once.
fn server_names(asked: &[String]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for name in asked.iter().map(String::as_str).chain(LOOPBACK) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name);
        }
    }
    names
}

fn client_files(clients: &[ClientName], pfx: bool) -> Vec<String> {
    let endings: &[&str] = if pfx { &["crt", "key", "p12"] } else { &["crt", "key"] };
    let files = |client| endings.iter().map(move |ending| format!("{client}.{ending}"));
    clients.iter().flat_map(files).collect()
}

fn client_set(
    authority: &Authority,
    client: &ClientName,
    pfx: Option<&Secret>,
) -> Result<Vec<NewFile>, Report> {
    let name = client.as_str();
    let issued = authority.client(name)?;
    let mut files = pair(name, &issued);
    if let Some(passphrase) = pfx {
        let bundle = issued.pkcs12(name, authority, passphrase)?;
        files.push(NewFile::private(&format!("{name}.p12"), bundle));
    }
    Ok(files)
}

fn pair(name: &str, issued: &Issued) -> Vec<NewFile> {
    vec![
        NewFile::public(&format!("{name}.crt"), issued.certificate_pem()),
        NewFile::private(&format!("{name}.key"), text(issued.key_pem())),
    ]
}

fn text(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}

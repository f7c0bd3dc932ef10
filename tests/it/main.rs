//! Integration tests, one binary, a module a topic.

#[cfg(test)]
mod credentials;
#[cfg(test)]
mod event_stream;
#[cfg(test)]
mod line;
#[cfg(test)]
mod refused_clients;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod server_certificates;
#[cfg(test)]
mod support;
#[cfg(test)]
mod system_roots;
#[cfg(test)]
mod trust_files;
#[cfg(test)]
mod unusable_credentials;

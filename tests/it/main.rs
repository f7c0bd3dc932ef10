//! Integration tests, one binary, a module a topic.

#![allow(
    clippy::disallowed_methods,
    reason = "a test has threads and a clock of its own, and is not bound to one thread"
)]

#[cfg(test)]
mod cancelling;
#[cfg(test)]
#[cfg(unix)]
mod certs;
#[cfg(test)]
#[cfg(unix)]
mod certs_asking;
#[cfg(test)]
#[cfg(unix)]
mod certs_in_use;
#[cfg(test)]
mod choosing;
#[cfg(test)]
mod connecting;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod event_stream;
#[cfg(test)]
mod get_stream;
#[cfg(test)]
mod http2_faults;
#[cfg(test)]
#[cfg(unix)]
mod ide;
#[cfg(test)]
mod line;
#[cfg(test)]
mod listener_files;
#[cfg(test)]
mod listener_handshakes;
#[cfg(test)]
mod listener_openssl;
#[cfg(test)]
mod listener_reload;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod memory;
#[cfg(test)]
mod modern;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod packet_loss;
#[cfg(test)]
mod posting;
#[cfg(test)]
#[cfg(unix)]
mod probe_all;
#[cfg(test)]
#[cfg(unix)]
mod probe_facts;
#[cfg(test)]
#[cfg(unix)]
mod probe_flags;
#[cfg(test)]
#[cfg(unix)]
mod probe_http;
#[cfg(test)]
#[cfg(unix)]
mod probe_lists;
#[cfg(test)]
#[cfg(unix)]
mod probe_peers;
#[cfg(test)]
#[cfg(unix)]
mod probe_screen;
#[cfg(test)]
#[cfg(unix)]
mod probe_tls;
#[cfg(test)]
#[cfg(unix)]
mod probe_way;
#[cfg(test)]
#[cfg(unix)]
mod process;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod process_alone;
#[cfg(test)]
#[cfg(unix)]
mod process_end;
#[cfg(test)]
#[cfg(unix)]
mod process_faults;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod redaction;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod refused_clients;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod resuming;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_admission;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_limits;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_many;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_modern;
#[cfg(test)]
#[cfg(unix)]
mod serve_operating;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_overload;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_reload;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_scans;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_sessions;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_smuggling;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_sse;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_stopping;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod serve_streams;
#[cfg(test)]
mod server_certificates;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod socks;
#[cfg(test)]
mod sse;
#[cfg(test)]
mod stdio_face;
#[cfg(test)]
mod streamed_answers;
#[cfg(test)]
mod support;
#[cfg(test)]
mod support_works;
#[cfg(test)]
mod system_roots;
#[cfg(test)]
mod trust_files;
#[cfg(test)]
mod unusable_credentials;

//! The bridge between clients and servers that others wrote: the official SDKs, server-everything,
//! nginx, haproxy, stunnel, the conformance suite, IDEs and agents, and the Python tool that this program replaces.
//!
//! The peers are installed on first use into `target/peers`, in the versions that `packages/` pins.
//! One that cannot be had is skipped out loud; with `CI=true` it is a failure. Set `PEERS_BRIDGE`
//! to a command to put another bridge into the middle.
#![cfg(unix)] // the peers' own folders (venv/bin, node_modules/.bin) look different on Windows

#[cfg(test)]
mod support;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod conformance_server;
#[cfg(test)]
mod everything;
#[cfg(test)]
mod haproxy;
#[cfg(test)]
mod ide;
#[cfg(test)]
mod nginx;
#[cfg(test)]
mod original;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod probe_original;
#[cfg(test)]
mod probe_refused;
#[cfg(test)]
mod python_sdk;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod served;
#[cfg(test)]
mod stunnel;
#[cfg(test)]
mod typescript_sdk;

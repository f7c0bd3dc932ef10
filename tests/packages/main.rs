//! The packages: made from one release build as a release makes them, installed offline into a
//! scratch folder, and used as hosts use them.
//!
//! maturin, uv and zig are installed on first use into `target/peers`. Without them the tests are
//! skipped out loud; with `CI=true` that is a failure. Set `PACKAGES_WHEEL` to a wheel to test the
//! packages that are made of that one.
#![cfg(unix)] // so are the support files

#[path = "../peers/support/mod.rs"]
#[allow(dead_code, reason = "tests/peers uses the rest")]
#[cfg(test)]
mod support;

#[cfg(test)]
mod bundle;
#[cfg(test)]
mod contents;
#[cfg(test)]
mod entries;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod launcher;
#[cfg(test)]
mod made;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod running;
#[cfg(test)]
mod way;

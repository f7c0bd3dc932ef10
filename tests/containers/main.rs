//! The images of the Dockerfile and the services of compose.yml, built and run for real.
//!
//! Where there is no engine that can build, `engine.sh` starts one and makes the base images. Where that cannot be
//! either, the tests are skipped out loud; with `CI=true` it is a failure.
#![cfg(target_os = "linux")] // elsewhere containers run in a machine of their own

#[cfg(test)]
mod bridge;
#[cfg(test)]
mod compose;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod image;
#[cfg(test)]
#[path = "../docs/page.rs"]
#[allow(dead_code, reason = "what only the other documents need")]
mod page;
#[cfg(test)]
mod runner;
#[cfg(test)]
mod server;
#[cfg(test)]
#[path = "../peers/support/mod.rs"]
#[allow(dead_code, reason = "what only the peers need")]
mod support;

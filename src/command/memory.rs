//! Keeps the memory of the process, which holds a private key, to itself.

/// Asks the system for no core file, and on Linux for no look into the process by other programs of
/// the same user. What the system does not grant is noted, no more: the program works without.
#[cfg(unix)]
pub(crate) fn protect() {
    use rustix::process::Resource;
    use rustix::process::Rlimit;
    use rustix::process::setrlimit;

    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(e) = setrlimit(Resource::Core, none) {
        tracing::debug!("core files are not switched off: {e}");
    }
    #[cfg(target_os = "linux")]
    if let Err(e) =
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::debug!("the memory stays readable for other programs of this user: {e}");
    }
}

/// Other systems write no core files by default.
#[cfg(not(unix))]
pub(crate) fn protect() {}

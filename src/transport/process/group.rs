//! The group of processes that a child leads, so that what it starts ends with it.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use crate::transport::process::group::unix::Group;
#[cfg(windows)]
pub(crate) use crate::transport::process::group::windows::Group;

use crate::limits;

impl Group {
    /// Waits until no member is left.
    pub(crate) async fn gone(&self) {
        let mut pause = *limits::GROUP_CHECK.start();
        while !self.is_gone() {
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(*limits::GROUP_CHECK.end());
        }
    }
}

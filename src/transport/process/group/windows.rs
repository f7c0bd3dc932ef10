//! A job object, which the system ends with its last handle: when we end it, and when we are killed.
//! See docs/decisions/0022-windows-job-objects.md

use std::io;
use std::io::ErrorKind;
use std::time::Duration;

use tokio::process::Child;
use win32job::ExtendedLimitInfo;
use win32job::Job;

use crate::limits;

/// A job with a child in it, and with all that it has started since. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Group(Option<Job>);

impl Group {
    /// For how long a group may outlive its leader before it is ended.
    pub(crate) const LINGERS: Duration = limits::JOB_LINGER;

    /// Puts a child that was just started into a job of its own.
    ///
    /// # Errors
    /// There is none to be had, or the child cannot be put there: it may have ended meanwhile.
    pub(crate) fn of(child: &Child) -> io::Result<Self> {
        let process = child.raw_handle().ok_or(ErrorKind::NotFound)?;
        let mut limits = ExtendedLimitInfo::new();
        limits.limit_kill_on_job_close();
        let job = Job::create_with_limit_info(&limits)?;
        job.assign_process(process as isize)?;
        Ok(Self(Some(job)))
    }

    /// Whether the members could be asked to end: there is no way to ask a program without a
    /// window. It has been told already, by the end of its input.
    pub(crate) fn terminate(&self) -> bool {
        false
    }

    /// Ends all members.
    pub(crate) fn kill(&mut self) {
        self.0 = None;
    }

    /// Whether no member is left. What cannot be known is taken for a no.
    pub(crate) fn is_gone(&self) -> bool {
        let Some(job) = &self.0 else { return true };
        job.query_process_id_list().is_ok_and(|members| members.is_empty())
    }
}

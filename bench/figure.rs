//! What is measured, and how it is written.

/// A figure. The text of each says what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    StartCpu,
    StartWall,
    Resident,
    Proportional,
    IdleCpu,
    Median,
    Percentile95,
    CallCpu,
    Rate1,
    Rate16,
    Rate64,
    CallCpu64,
    SlowRate,
    Big,
    BigCpu,
    BigGrowth,
    BigKept,
    BigEvent,
    BigEventCpu,
    BigEventGrowth,
    BigEventKept,
    Up,
    Events,
    EventCpu,
    End,
}

impl Figure {
    /// In the order of the rows.
    pub(crate) const ALL: [Self; 25] = [
        Self::StartCpu,
        Self::StartWall,
        Self::Resident,
        Self::Proportional,
        Self::IdleCpu,
        Self::Median,
        Self::Percentile95,
        Self::CallCpu,
        Self::Rate1,
        Self::Rate16,
        Self::Rate64,
        Self::CallCpu64,
        Self::SlowRate,
        Self::Big,
        Self::BigCpu,
        Self::BigGrowth,
        Self::BigKept,
        Self::BigEvent,
        Self::BigEventCpu,
        Self::BigEventGrowth,
        Self::BigEventKept,
        Self::Up,
        Self::Events,
        Self::EventCpu,
        Self::End,
    ];

    /// Its name and its unit.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::StartCpu => "start to `initialize` answer, CPU ms",
            Self::StartWall => "start to `initialize` answer, ms",
            Self::Resident => "resident memory idle, MiB",
            Self::Proportional => "proportional memory idle, MiB",
            Self::IdleCpu => "CPU while idle, ms/s",
            Self::Median => "100-byte call, p50 us",
            Self::Percentile95 => "100-byte call, p95 us",
            Self::CallCpu => "100-byte call, CPU us",
            Self::Rate1 => "calls/s, 1 in flight",
            Self::Rate16 => "calls/s, 16 in flight",
            Self::Rate64 => "calls/s, 64 in flight",
            Self::CallCpu64 => "call at 64 in flight, CPU us",
            Self::SlowRate => "calls/s of 20 ms, 64 in flight",
            Self::Big => "64 MiB as JSON, ms",
            Self::BigCpu => "64 MiB as JSON, CPU ms",
            Self::BigGrowth => "64 MiB as JSON, memory growth MiB",
            Self::BigKept => "64 MiB as JSON, kept after MiB",
            Self::BigEvent => "64 MiB as an event, ms",
            Self::BigEventCpu => "64 MiB as an event, CPU ms",
            Self::BigEventGrowth => "64 MiB as an event, memory growth MiB",
            Self::BigEventKept => "64 MiB as an event, kept after MiB",
            Self::Up => "4 MiB argument, ms",
            Self::Events => "progress events/s on one stream",
            Self::EventCpu => "progress event, CPU us",
            Self::End => "end of input to end of process, ms",
        }
    }
}

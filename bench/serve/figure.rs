//! What is measured.

/// A figure. The text of each says what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    Resident,
    Open,
    Median,
    Percentile95,
    CallCpu,
    Rate64,
    CallCpu64,
    ConnectionRate,
    ConnectionCpu,
    IdleConnection,
    IdleSession,
    Big,
    BigCpu,
    BigGrowth,
    BigKept,
}

impl Figure {
    /// In the order of the rows.
    pub(crate) const ALL: [Self; 15] = [
        Self::Resident,
        Self::Open,
        Self::Median,
        Self::Percentile95,
        Self::CallCpu,
        Self::Rate64,
        Self::CallCpu64,
        Self::ConnectionRate,
        Self::ConnectionCpu,
        Self::IdleConnection,
        Self::IdleSession,
        Self::Big,
        Self::BigCpu,
        Self::BigGrowth,
        Self::BigKept,
    ];

    /// Its name and its unit.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Resident => "resident memory, one session, MiB",
            Self::Open => "connect and open a session, ms",
            Self::Median => "100-byte call, p50 us",
            Self::Percentile95 => "100-byte call, p95 us",
            Self::CallCpu => "100-byte call, CPU us",
            Self::Rate64 => "calls/s, 64 in flight, 16 sessions",
            Self::CallCpu64 => "call at 64 in flight, CPU us",
            Self::ConnectionRate => "new connections/s",
            Self::ConnectionCpu => "new connection, CPU us",
            Self::IdleConnection => "idle connection, KiB",
            Self::IdleSession => "idle session, KiB",
            Self::Big => "64 MiB result, ms",
            Self::BigCpu => "64 MiB result, CPU ms",
            Self::BigGrowth => "64 MiB result, memory growth MiB",
            Self::BigKept => "64 MiB result, kept after MiB",
        }
    }
}

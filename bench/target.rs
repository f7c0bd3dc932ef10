//! What has to be reached, as a ratio of the same round where that is fairer.

use crate::bound::Bound;
use crate::figure::Figure;
use crate::measure;
use crate::run::Round;
use crate::subject::Subject;

/// One target.
pub(crate) struct Target {
    /// For the table.
    pub(crate) title: &'static str,
    /// Where the target is.
    pub(crate) bound: Bound,
    value: fn(&Pair<'_>) -> Option<f64>,
}

/// The program over one HTTP version in one round, with what it is compared with.
struct Pair<'a> {
    round: &'a Round,
    ours: Subject,
    bare: Subject,
}

impl Pair<'_> {
    fn get(&self, subject: Subject, figure: Figure) -> Option<f64> {
        self.round.get(&subject)?.get(&figure).copied()
    }

    fn ours(&self, figure: Figure) -> Option<f64> {
        self.get(self.ours, figure)
    }

    fn over(&self, other: Subject, figure: Figure) -> Option<f64> {
        Some(self.ours(figure)? / self.get(other, figure)?)
    }

    fn over_bare(&self, figure: Figure) -> Option<f64> {
        self.over(self.bare, figure)
    }

    /// Compared with the network without a bridge and the pipes without a network.
    fn over_bare_and_pipe(&self, figure: Figure) -> Option<f64> {
        let floor = self.get(self.bare, figure)? + self.get(Subject::Pipe, figure)?;
        Some(self.ours(figure)? / floor)
    }

    fn share_of_big(&self, figure: Figure) -> Option<f64> {
        Some(self.ours(figure)? / measure::big_mib())
    }
}

impl Target {
    /// The value of `ours`, one of the two subjects that are the program, in one round.
    pub(crate) fn value(&self, round: &Round, ours: Subject) -> Option<f64> {
        let bare = if ours == Subject::OursH1 { Subject::BareH1 } else { Subject::BareH2 };
        (self.value)(&Pair { round, ours, bare })
    }

    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        use Bound::AtLeast;
        use Bound::AtMost;
        use Figure as F;
        let target = |title, bound, value| Self { title, bound, value };
        vec![
            target("start CPU / original", AtMost(1.0 / 60.0), |p| {
                p.over(Subject::Original, F::StartCpu)
            }),
            target("resident memory idle, MiB", AtMost(12.0), |p| p.ours(F::Resident)),
            target("CPU while idle, ms/s", AtMost(0.1), |p| p.ours(F::IdleCpu)),
            target("end of process, ms", AtMost(100.0), |p| p.ours(F::End)),
            target("p50 of a call / (bare + pipe)", AtMost(1.4), |p| {
                p.over_bare_and_pipe(F::Median)
            }),
            target("CPU of a call / bare", AtMost(1.8), |p| p.over_bare(F::CallCpu)),
            target("calls/s at 64 in flight / bare", AtLeast(0.65), |p| p.over_bare(F::Rate64)),
            target("calls/s of 20 ms / bare", AtLeast(0.95), |p| p.over_bare(F::SlowRate)),
            target("64 MiB as JSON, time / (bare + pipe)", AtMost(2.0), |p| {
                p.over_bare_and_pipe(F::Big)
            }),
            target("64 MiB as an event, time / (bare + pipe)", AtMost(2.0), |p| {
                p.over_bare_and_pipe(F::BigEvent)
            }),
            target("64 MiB as JSON, memory growth / size", AtMost(1.1), |p| {
                p.share_of_big(F::BigGrowth)
            }),
            target("64 MiB as an event, memory growth / size", AtMost(1.1), |p| {
                p.share_of_big(F::BigEventGrowth)
            }),
            target("64 MiB as JSON, kept after / size", AtMost(0.1), |p| {
                p.share_of_big(F::BigKept)
            }),
            target("64 MiB as an event, kept after / size", AtMost(0.1), |p| {
                p.share_of_big(F::BigEventKept)
            }),
            target("progress events/s / bare", AtLeast(0.25), |p| p.over_bare(F::Events)),
        ]
    }
}

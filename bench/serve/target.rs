//! What has to be reached, as a ratio of the same round where that is fairer.

use crate::bound::Bound;
use crate::call;
use crate::figure::Figure;
use crate::run::Round;
use crate::subject::Kind;
use crate::subject::Subject;

/// One target.
pub(crate) struct Target {
    /// For the table.
    pub(crate) title: &'static str,
    /// Where the target is.
    pub(crate) bound: Bound,
    value: fn(&Look<'_>) -> Option<f64>,
}

/// The program in one round, and what it is compared with.
struct Look<'a> {
    round: &'a Round,
    ours: Subject,
}

impl Look<'_> {
    fn of(&self, kind: Kind, figure: Figure) -> Option<f64> {
        self.round.get(&self.ours.but(kind))?.get(&figure).copied()
    }

    fn ours(&self, figure: Figure) -> Option<f64> {
        self.of(self.ours.kind, figure)
    }

    fn over(&self, kind: Kind, figure: Figure) -> Option<f64> {
        Some(self.ours(figure)? / self.of(kind, figure)?)
    }
}

impl Target {
    /// The value of `ours`, a subject that is the program, in one round.
    pub(crate) fn value(&self, round: &Round, ours: Subject) -> Option<f64> {
        (self.value)(&Look { round, ours })
    }

    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        use Bound::AtLeast;
        use Bound::AtMost;
        use Figure as F;
        let target = |title, bound, value| Self { title, bound, value };
        vec![
            target("p50 of a call / (bare + pipe)", AtMost(1.5), |it| {
                let floor = it.of(Kind::Bare, F::Median)? + it.of(Kind::Pipe, F::Median)?;
                Some(it.ours(F::Median)? / floor)
            }),
            target("CPU of a call / bare", AtMost(2.2), |it| it.over(Kind::Bare, F::CallCpu)),
            target("calls/s at 64 in flight / plain", AtLeast(0.8), |it| {
                it.over(Kind::Plain, F::Rate64)
            }),
            target("new connections/s / accept", AtLeast(0.9), |it| {
                it.over(Kind::Accept, F::ConnectionRate)
            }),
            target("idle connection, KiB", AtMost(40.0), |it| it.ours(F::IdleConnection)),
            target("idle session, KiB", AtMost(40.0), |it| it.ours(F::IdleSession)),
            target("64 MiB result, memory growth / size", AtMost(1.2), |it| {
                Some(it.ours(F::BigGrowth)? * 1024.0 * 1024.0 / call::BIG as f64)
            }),
        ]
    }
}

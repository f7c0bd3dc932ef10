//! How far the life of a child has come.

use tokio::sync::watch;

/// The stages, each of which is behind those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It takes messages and gives some.
    Running,
    /// It has closed its input or its output: no conversation is possible any more.
    Mute,
    /// Nobody wants to talk to it any more.
    Unwanted,
    /// It gets no more time to end by itself.
    Condemned,
    /// It has ended, and its group with it.
    Gone,
}

/// What the tasks of one child tell each other.
#[derive(Debug)]
pub(crate) struct Course(watch::Sender<Stage>);

impl Course {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Stage::Running))
    }

    /// Goes on to `stage`, never back.
    pub(crate) fn reach(&self, stage: Stage) {
        self.0.send_if_modified(|now| {
            let before = *now;
            *now = stage.max(before);
            before < stage
        });
    }

    pub(crate) fn stage(&self) -> Stage {
        *self.0.borrow()
    }

    /// Waits for `stage` or a later one.
    pub(crate) async fn reached(&self, stage: Stage) {
        // The sender is here: it cannot be gone.
        let _ = self.0.subscribe().wait_for(|now| *now >= stage).await;
    }
}

#[cfg(test)]
mod tests {
    use super::Course;
    use super::Stage;

    #[tokio::test]
    async fn a_course_never_goes_back() {
        let course = Course::new();
        course.reach(Stage::Unwanted);
        course.reach(Stage::Mute);
        assert_eq!(course.stage(), Stage::Unwanted);
        course.reached(Stage::Mute).await;
        course.reached(Stage::Unwanted).await;
    }
}

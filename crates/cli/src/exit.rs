//! How the command ends.

use std::process::ExitCode;

use domain::{Outcome, Verdict};

/// What the exit code says. Ordered by gravity, so that the worst of several is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: done; every target is up.
    Fine,
    /// 3: a target is degraded.
    Degraded,
    /// 1: a target is down, or a file is not up to date.
    Down,
    /// 2: it could not be done.
    Failed,
}

impl Exit {
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Degraded => 3,
            Self::Down => 1,
            Self::Failed => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome.verdict() {
            Some(Verdict::Up) => Self::Fine,
            Some(Verdict::Degraded) => Self::Degraded,
            Some(Verdict::Down) => Self::Down,
            None => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{OwnFault, Reason};

    #[test]
    fn the_worst_of_several_decides() {
        let exit =
            |outcomes: &[Outcome]| outcomes.iter().map(|o| Exit::from(*o)).max().map(Exit::code);
        let down = Outcome::Down { reason: Reason::Dns };
        let ours = Outcome::RunError { fault: OwnFault::Secret };
        assert_eq!(exit(&[Outcome::Up]), Some(0));
        assert_eq!(exit(&[Outcome::Up, Outcome::Degraded]), Some(3));
        assert_eq!(exit(&[down, Outcome::Degraded]), Some(1));
        assert_eq!(exit(&[ours, down, Outcome::Up]), Some(2));
    }
}

//! Exit code of the command.

use std::process::ExitCode;

use domain::{Outcome, Verdict};

/// The exit code, ordered by severity: the exit of several files is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: success, and every target is up.
    Success,
    /// 3: a target is degraded.
    Degraded,
    /// 1: a target is down, or a file is out of date.
    Down,
    /// 2: the command failed, or a probe could not run.
    Failed,
}

impl Exit {
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
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
            Some(Verdict::Up) => Self::Success,
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
    fn exit_is_the_worst_outcome() {
        let exit =
            |outcomes: &[Outcome]| outcomes.iter().map(|o| Exit::from(*o)).max().map(Exit::code);
        let down = Outcome::Down { reason: Reason::Dns };
        let own_fault = Outcome::RunError { fault: OwnFault::Secret };
        assert_eq!(exit(&[Outcome::Up]), Some(0));
        assert_eq!(exit(&[Outcome::Up, Outcome::Degraded]), Some(3));
        assert_eq!(exit(&[down, Outcome::Degraded]), Some(1));
        assert_eq!(exit(&[own_fault, down, Outcome::Up]), Some(2));
    }
}

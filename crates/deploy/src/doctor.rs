//! Finds what would make a deployment fail, or leave it without effect. The facts are read by `facts`.

mod checks;
#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use checks::BRIDGE;

use crate::parameters::Parameters;

const NO_ADDRESS: &str = "no address receives notifications";

/// The state of an environment before a deployment. `None`: it could not be read.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub environment: String,
    pub region: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// Status of the stack; `None` if it does not exist.
    pub stack_status: Option<String>,
    pub executions: Option<Executions>,
    pub alarms: Option<Alarms>,
    /// Resource types of the template that the region does not have.
    pub missing_types: Vec<String>,
    /// E-mail and other subscriptions of the environment's topics.
    pub subscriptions: Vec<Subscription>,
    pub secrets: Vec<Secret>,
    /// Reads that failed.
    pub unread: Vec<Unread>,
    pub parameters: Parameters,
    pub now: jiff::Timestamp,
}

/// Quota of concurrent executions of the account, and how many of them no function has reserved.
#[derive(Clone, Copy, Debug)]
pub struct Executions {
    pub quota: u32,
    pub unreserved: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Alarms {
    /// Alarms of the account and region that are not of this environment.
    pub others: usize,
    /// Alarms of the environment after the deployment.
    pub planned: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Name of the topic, such as `vigie-dev-notifications`.
    pub topic: String,
    pub endpoint: String,
    pub confirmed: bool,
}

/// A secret or parameter that the probes or the bridge use.
#[derive(Clone, Debug)]
pub struct Secret {
    /// As in a probe file: `secret:vigie/prod/bot` or `ssm:/vigie/prod/bot`.
    pub reference: String,
    /// Name in its store, without the ARN around it.
    pub name: String,
    /// Such as ``probe `support-bot` ``.
    pub used_by: String,
    pub state: SecretState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretState {
    Exists {
        /// The customer managed key that encrypts it.
        key: Option<String>,
    },
    Missing,
    /// Secrets Manager deletes it at the end of its recovery window.
    Deleted,
    /// The caller may not look it up.
    Unknown,
}

/// A read that failed, so that the doctor cannot say anything about its result.
#[derive(Clone, Debug)]
pub struct Unread {
    /// Such as `lambda:GetAccountSettings`.
    pub action: String,
    /// The answer of AWS.
    pub message: String,
    pub denied: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The deployment would fail or have no effect.
    Error,
    Warning,
}

/// One problem and what to do about it.
#[derive(Clone, Debug)]
pub struct Finding {
    pub severity: Severity,
    pub problem: String,
    pub hint: String,
}

impl Finding {
    fn error(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { severity: Severity::Error, problem: problem.into(), hint: hint.into() }
    }

    fn warning(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, problem: problem.into(), hint: hint.into() }
    }

    /// Whether it is the one that `--without-notifications` accepts.
    #[must_use]
    pub fn is_no_address(&self) -> bool {
        self.problem == NO_ADDRESS
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(to, "{severity}: {}\nhint: {}", self.problem, self.hint)
    }
}

/// All problems that `facts` show, errors first.
#[must_use]
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = checks::ALL.iter().flat_map(|check| check(facts)).collect();
    findings.sort_by_key(|finding| finding.severity == Severity::Warning);
    findings
}

/// Whether a failed first deployment left a stack that CloudFormation can only delete.
#[must_use]
pub fn is_failed_creation(status: &str) -> bool {
    ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"].contains(&status)
}

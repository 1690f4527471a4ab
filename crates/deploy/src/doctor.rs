//! What would make a deployment fail, or leave it without effect.

use std::fmt;

use crate::parameters::Parameters;

/// AWS keeps so many executions of an account unreserved.
const MUST_STAY_UNRESERVED: u32 = 100;
/// The dispatcher, alerts and ingest need some executions beside the prober and the bridge.
const OTHER_FUNCTIONS: u32 = 4;
/// Lambda allows 4,096 bytes of variables; a function needs about 1,000 beside those of the probes.
const MAX_PROBE_VARIABLES: usize = 3_000;

/// Parameters with the addresses that receive notifications about probes.
const ADDRESSES: [&str; 5] =
    ["AlertEmail", "AlertEmail2", "AlertEmail3", "TicketEmail", "TicketEmail2"];

const NO_ADDRESS: &str = "no address receives notifications";

/// The state of an environment before a deployment.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub environment: String,
    /// Status of the stack; `None` if it does not exist.
    pub stack_status: Option<String>,
    /// Quota of concurrent executions, and how many of them are unreserved; `None` if unknown.
    pub executions: Option<Executions>,
    /// Addresses that have not confirmed their subscription.
    pub unconfirmed: Vec<String>,
    pub parameters: Parameters,
}

#[derive(Clone, Copy, Debug)]
pub struct Executions {
    pub quota: u32,
    pub unreserved: u32,
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
    let checks = [stack, reserved, maximum, variables, addresses, self_monitoring];
    let mut findings: Vec<Finding> = checks.iter().filter_map(|check| check(facts)).collect();
    findings.extend(facts.unconfirmed.iter().map(|address| {
        warning(
            format!("`{address}` has not confirmed its subscription and receives nothing"),
            "open the mail `AWS Notification - Subscription Confirmation` and follow its link",
        )
    }));
    findings.sort_by_key(|finding| finding.severity == Severity::Warning);
    findings
}

fn stack(facts: &Facts) -> Option<Finding> {
    let status = facts.stack_status.as_deref()?;
    let environment = &facts.environment;
    let problem = format!("stack `vigie-{environment}` is in state {status}");
    match status {
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "DELETE_FAILED" | "CREATE_FAILED" => {
            let hint = format!("CloudFormation cannot update it: vigie remove {environment}");
            Some(error(problem, hint))
        }
        "UPDATE_ROLLBACK_FAILED" => Some(error(
            problem,
            format!("aws cloudformation continue-update-rollback --stack-name vigie-{environment}"),
        )),
        _ if status.ends_with("_IN_PROGRESS") => {
            Some(error(problem, "wait until the other deployment has ended"))
        }
        _ => None,
    }
}

fn reserved(facts: &Facts) -> Option<Finding> {
    let Executions { quota, unreserved } = facts.executions?;
    let reserved: u32 = ["ProberReservedConcurrency", "IngestReservedConcurrency"]
        .iter()
        .filter_map(|name| number(facts, name))
        .sum();
    // What this stack has reserved already is free for its update.
    let available = if facts.stack_status.is_some() { quota } else { unreserved };
    (0 < reserved && available < reserved + MUST_STAY_UNRESERVED).then(|| {
        error(
            format!(
                "the parameters reserve {reserved} concurrent executions of {available}; AWS keeps \
                 {MUST_STAY_UNRESERVED} unreserved"
            ),
            "raise the Lambda quota `Concurrent executions`, or delete ProberReservedConcurrency from samconfig.toml",
        )
    })
}

fn maximum(facts: &Facts) -> Option<Finding> {
    let Executions { unreserved, .. } = facts.executions?;
    if number(facts, "ProberReservedConcurrency").is_some() {
        return None;
    }
    let used: u32 = ["ProberMaximumConcurrency", "BridgeMaximumConcurrency"]
        .iter()
        .filter_map(|name| number(facts, name))
        .sum();
    (unreserved < used + OTHER_FUNCTIONS).then(|| {
        warning(
            format!(
                "prober and bridge may use {used} of {unreserved} concurrent executions; the other \
                 functions would be throttled"
            ),
            "lower ProberMaximumConcurrency, or raise the Lambda quota `Concurrent executions`",
        )
    })
}

fn variables(facts: &Facts) -> Option<Finding> {
    let bytes = facts.parameters.get("ProbeVariables")?.len();
    (MAX_PROBE_VARIABLES < bytes).then(|| {
        error(
            format!("ProbeVariables has {bytes} bytes; expected at most {MAX_PROBE_VARIABLES}"),
            "write addresses that are not secret into the probe files",
        )
    })
}

fn addresses(facts: &Facts) -> Option<Finding> {
    let set = |name: &str| facts.parameters.get(name).is_some_and(|value| !value.is_empty());
    if ADDRESSES.iter().any(|name| set(name)) {
        return None;
    }
    let hint = "set AlertEmail in samconfig.toml; `--without-notifications` deploys without one";
    let find = if facts.environment == "prod" { error } else { warning };
    Some(find(NO_ADDRESS.to_owned(), hint.to_owned()))
}

fn self_monitoring(facts: &Facts) -> Option<Finding> {
    let address = facts.parameters.get("SelfMonitoringEmail")?;
    address.is_empty().then(|| {
        let problem = "no address receives alarms about Vigie itself";
        warning(problem.to_owned(), "set SelfMonitoringEmail in samconfig.toml")
    })
}

fn number(facts: &Facts, name: &str) -> Option<u32> {
    facts.parameters.get(name)?.parse().ok()
}

fn error(problem: String, hint: impl Into<String>) -> Finding {
    Finding { severity: Severity::Error, problem, hint: hint.into() }
}

fn warning(problem: String, hint: impl Into<String>) -> Finding {
    Finding { severity: Severity::Warning, problem, hint: hint.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::of_pairs;

    fn healthy() -> Facts {
        let parameters =
            ["AlertEmail=a@example.com", "SelfMonitoringEmail=b@example.com", "ProbeVariables="];
        Facts {
            environment: "dev".to_owned(),
            stack_status: Some("UPDATE_COMPLETE".to_owned()),
            executions: Some(Executions { quota: 1_000, unreserved: 1_000 }),
            unconfirmed: Vec::new(),
            parameters: of_pairs(parameters).unwrap(),
        }
    }

    type Change = fn(&mut Facts);

    fn set(facts: &mut Facts, name: &str, value: &str) {
        facts.parameters.insert(name.to_owned(), value.to_owned());
    }

    fn small_account(facts: &mut Facts) {
        facts.stack_status = None;
        facts.executions = Some(Executions { quota: 10, unreserved: 10 });
    }

    #[test]
    fn each_fault_is_reported_with_a_remedy() {
        let cases: [(&str, Change, &str); 10] = [
            ("healthy", |_| (), ""),
            (
                "failed creation",
                |f| f.stack_status = Some("ROLLBACK_COMPLETE".into()),
                "error: stack `vigie-dev` is in state ROLLBACK_COMPLETE\nhint: CloudFormation cannot update it: vigie remove dev",
            ),
            (
                "deployment at the same time",
                |f| f.stack_status = Some("UPDATE_IN_PROGRESS".into()),
                "error: stack `vigie-dev` is in state UPDATE_IN_PROGRESS\nhint: wait until the other deployment has ended",
            ),
            (
                "reservation in a new account",
                |f| {
                    small_account(f);
                    set(f, "ProberReservedConcurrency", "50");
                },
                "error: the parameters reserve 50 concurrent executions of 10; AWS keeps 100 unreserved\nhint: raise the Lambda quota `Concurrent executions`, or delete ProberReservedConcurrency from samconfig.toml",
            ),
            (
                "prober takes all executions",
                |f| {
                    small_account(f);
                    set(f, "ProberMaximumConcurrency", "10");
                },
                "warning: prober and bridge may use 10 of 10 concurrent executions; the other functions would be throttled\nhint: lower ProberMaximumConcurrency, or raise the Lambda quota `Concurrent executions`",
            ),
            (
                "too many variables",
                |f| set(f, "ProbeVariables", &"A=1,".repeat(1_000)),
                "error: ProbeVariables has 4000 bytes; expected at most 3000\nhint: write addresses that are not secret into the probe files",
            ),
            (
                "dev without addresses",
                |f| set(f, "AlertEmail", ""),
                "warning: no address receives notifications\nhint: set AlertEmail in samconfig.toml; `--without-notifications` deploys without one",
            ),
            (
                "prod without addresses",
                |f| {
                    f.environment = "prod".into();
                    set(f, "AlertEmail", "");
                },
                "error: no address receives notifications\nhint: set AlertEmail in samconfig.toml; `--without-notifications` deploys without one",
            ),
            (
                "no self-monitoring address",
                |f| set(f, "SelfMonitoringEmail", ""),
                "warning: no address receives alarms about Vigie itself\nhint: set SelfMonitoringEmail in samconfig.toml",
            ),
            (
                "unconfirmed address",
                |f| f.unconfirmed.push("a@example.com".into()),
                "warning: `a@example.com` has not confirmed its subscription and receives nothing\nhint: open the mail `AWS Notification - Subscription Confirmation` and follow its link",
            ),
        ];
        for (name, change, expected) in cases {
            let mut facts = healthy();
            change(&mut facts);
            let found: Vec<String> = examine(&facts).iter().map(ToString::to_string).collect();
            assert_eq!(found.join("\n"), expected, "{name}");
        }
    }

    #[test]
    fn reservation_of_the_same_stack_does_not_count_twice() {
        let mut facts = healthy();
        set(&mut facts, "ProberReservedConcurrency", "50");
        facts.executions = Some(Executions { quota: 150, unreserved: 100 });
        assert!(examine(&facts).is_empty());
    }

    #[test]
    fn errors_come_before_warnings() {
        let mut facts = healthy();
        set(&mut facts, "SelfMonitoringEmail", "");
        facts.stack_status = Some("ROLLBACK_COMPLETE".to_owned());
        let severities: Vec<Severity> = examine(&facts).iter().map(|one| one.severity).collect();
        assert_eq!(severities, [Severity::Error, Severity::Warning]);
    }
}

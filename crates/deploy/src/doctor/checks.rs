//! One function for each kind of problem.

use super::{
    Executions, Facts, Finding, NO_ADDRESS, Secret, SecretState, Unread, is_failed_creation,
};

/// AWS keeps so many executions of an account unreserved.
const MUST_STAY_UNRESERVED: u32 = 100;
/// The dispatcher, alerts and ingest need some executions beside the prober and the bridge.
const OTHER_FUNCTIONS: u32 = 4;
/// Lambda allows 4,096 bytes of variables; a function needs about 1,000 beside those of the probes.
const MAX_PROBE_VARIABLES: usize = 3_000;
/// Default quota of metric alarms for one account and region.
const ALARM_QUOTA: usize = 5_000;

/// Parameters with the addresses that receive notifications about probes.
const ADDRESSES: [&str; 5] =
    ["AlertEmail", "AlertEmail2", "AlertEmail3", "TicketEmail", "TicketEmail2"];

/// The findings of one kind.
type Check = fn(&Facts) -> Vec<Finding>;

pub(super) const ALL: [Check; 13] = [
    stack,
    missing_types,
    reserved,
    maximum,
    alarms,
    variables,
    arns,
    maintenance,
    secrets,
    addresses,
    self_monitoring,
    subscriptions,
    unread,
];

fn stack(facts: &Facts) -> Vec<Finding> {
    let environment = &facts.environment;
    let Some(status) = facts.stack_status.as_deref() else { return Vec::new() };
    let problem = format!("stack `vigie-{environment}` is in state {status}");
    let hint = match status {
        _ if is_failed_creation(status) => format!(
            "CloudFormation cannot update it. `vigie deploy {environment} --recreate` deletes it \
             and deploys again"
        ),
        "UPDATE_ROLLBACK_FAILED" => {
            format!("aws cloudformation continue-update-rollback --stack-name vigie-{environment}")
        }
        _ if status.ends_with("_IN_PROGRESS") => {
            "wait until the other deployment has ended".to_owned()
        }
        _ => return Vec::new(),
    };
    vec![Finding::error(problem, hint)]
}

fn missing_types(facts: &Facts) -> Vec<Finding> {
    let missing = |kind: &String| {
        let hint = match kind.as_str() {
            "AWS::CloudWatch::MetricStream" | "AWS::KinesisFirehose::DeliveryStream" => {
                "set MetricStreams to off, or use another region"
            }
            "AWS::CloudWatch::AlarmMuteRule" => {
                "leave MaintenanceSchedule empty, or use another region"
            }
            _ => "use another region",
        };
        Finding::error(format!("region {} has no resource type {kind}", facts.region), hint)
    };
    facts.missing_types.iter().map(missing).collect()
}

fn reserved(facts: &Facts) -> Vec<Finding> {
    let Some(Executions { quota, unreserved }) = facts.executions else { return Vec::new() };
    let reserved: u32 = ["ProberReservedConcurrency", "IngestReservedConcurrency"]
        .iter()
        .filter_map(|name| number(facts, name))
        .sum();
    // What this stack has reserved already is free for its update.
    let available = if facts.stack_status.is_some() { quota } else { unreserved };
    if reserved == 0 || reserved + MUST_STAY_UNRESERVED <= available {
        return Vec::new();
    }
    vec![Finding::error(
        format!(
            "the parameters reserve {reserved} concurrent executions of {available}; AWS keeps \
             {MUST_STAY_UNRESERVED} unreserved"
        ),
        "raise the Lambda quota `Concurrent executions`, or delete ProberReservedConcurrency from samconfig.toml",
    )]
}

fn maximum(facts: &Facts) -> Vec<Finding> {
    let Some(Executions { unreserved, .. }) = facts.executions else { return Vec::new() };
    let used: u32 = ["ProberMaximumConcurrency", "BridgeMaximumConcurrency"]
        .iter()
        .filter_map(|name| number(facts, name))
        .sum();
    let is_reserved = number(facts, "ProberReservedConcurrency").is_some();
    if is_reserved || used + OTHER_FUNCTIONS <= unreserved {
        return Vec::new();
    }
    vec![Finding::warning(
        format!(
            "prober and bridge may use {used} of {unreserved} concurrent executions; the other \
             functions would be throttled"
        ),
        "lower ProberMaximumConcurrency, or raise the Lambda quota `Concurrent executions`",
    )]
}

fn alarms(facts: &Facts) -> Vec<Finding> {
    let Some(alarms) = facts.alarms else { return Vec::new() };
    if alarms.others + alarms.planned <= ALARM_QUOTA {
        return Vec::new();
    }
    vec![Finding::warning(
        format!(
            "the environment needs {} alarms and region {} has {} others; the default quota is {ALARM_QUOTA}",
            alarms.planned, facts.region, alarms.others
        ),
        "raise the CloudWatch quota of metric alarms in Service Quotas, or use another account or region",
    )]
}

fn variables(facts: &Facts) -> Vec<Finding> {
    let bytes = facts.parameters.get("ProbeVariables").map_or(0, String::len);
    if bytes <= MAX_PROBE_VARIABLES {
        return Vec::new();
    }
    vec![Finding::error(
        format!("ProbeVariables has {bytes} bytes; expected at most {MAX_PROBE_VARIABLES}"),
        "write addresses that are not secret into the probe files",
    )]
}

/// Parameters that are ARNs belong to the partition of the account, and keys to the region.
fn arns(facts: &Facts) -> Vec<Finding> {
    let wrong = |(name, value): (&String, &String)| {
        let mut parts = value.strip_prefix("arn:")?.split(':');
        let (partition, service, region) = (parts.next()?, parts.next()?, parts.next()?);
        if partition != facts.partition {
            let problem =
                format!("`{name}` is in partition `{partition}`; expected `{}`", facts.partition);
            return Some(Finding::error(problem, "use an ARN of this account"));
        }
        (service == "kms" && region != facts.region).then(|| {
            let problem =
                format!("`{name}` is a key in region `{region}`; expected `{}`", facts.region);
            Finding::error(problem, "use a key of the region of the stack")
        })
    };
    facts.parameters.iter().filter_map(wrong).collect()
}

/// CloudFormation writes the mute rule again whenever a probe is added, also after its time has passed.
fn maintenance(facts: &Facts) -> Vec<Finding> {
    let schedule = facts.parameters.get("MaintenanceSchedule").map_or("", String::as_str);
    let at = schedule.strip_prefix("at(").and_then(|rest| rest.strip_suffix(')'));
    let Some(at) = at.and_then(|at| at.parse::<jiff::civil::DateTime>().ok()) else {
        return Vec::new();
    };
    // The time zone does not matter for a time that is more than a day ago.
    let yesterday = facts.now - jiff::SignedDuration::from_hours(24);
    if yesterday < at.to_zoned(jiff::tz::TimeZone::UTC).map_or(facts.now, |at| at.timestamp()) {
        return Vec::new();
    }
    vec![Finding::warning(
        format!("MaintenanceSchedule is `{schedule}`, which is in the past"),
        "delete MaintenanceSchedule from samconfig.toml",
    )]
}

fn secrets(facts: &Facts) -> Vec<Finding> {
    let parameter = |name: &str| facts.parameters.get(name).filter(|value| !value.is_empty());
    let own = format!("vigie/{}", facts.environment);
    let prefix = parameter("SecretPrefix").unwrap_or(&own);
    let problem = |secret: &Secret| {
        let Secret { reference, name, used_by, state } = secret;
        let is_bridge = used_by == BRIDGE;
        let outside =
            !is_bridge && !name.trim_start_matches('/').starts_with(&format!("{prefix}/"));
        match state {
            _ if outside => Some(Finding::error(
                format!("{used_by} uses `{reference}`; the prober may read only `{prefix}/…`"),
                "rename the secret, or set SecretPrefix in samconfig.toml",
            )),
            SecretState::Missing => Some(Finding::error(
                format!(
                    "{used_by} uses `{reference}`, which does not exist in region {}",
                    facts.region
                ),
                "create it, or correct the name",
            )),
            SecretState::Deleted => Some(Finding::error(
                format!("{used_by} uses `{reference}`, which is scheduled for deletion"),
                format!("aws secretsmanager restore-secret --secret-id {name}"),
            )),
            SecretState::Exists { key: Some(key) } if parameter("SecretsKeyArn").is_none() => {
                Some(Finding::error(
                    format!(
                        "{used_by} uses `{reference}`, which key `{key}` encrypts; the function may not use this key"
                    ),
                    "set SecretsKeyArn in samconfig.toml to the ARN of the key",
                ))
            }
            _ => None,
        }
    };
    facts.secrets.iter().filter_map(problem).collect()
}

/// The user of the secret in `RemoteWriteAuth`.
pub(crate) const BRIDGE: &str = "RemoteWriteAuth";

fn addresses(facts: &Facts) -> Vec<Finding> {
    let set = |name: &str| facts.parameters.get(name).is_some_and(|value| !value.is_empty());
    if ADDRESSES.iter().any(|name| set(name)) {
        return Vec::new();
    }
    let hint = "set AlertEmail in samconfig.toml; `--without-notifications` deploys without one";
    let is_prod = facts.environment == "prod";
    vec![if is_prod {
        Finding::error(NO_ADDRESS, hint)
    } else {
        Finding::warning(NO_ADDRESS, hint)
    }]
}

fn self_monitoring(facts: &Facts) -> Vec<Finding> {
    let empty = |name: &str| facts.parameters.get(name).is_none_or(String::is_empty);
    // The template uses AlertEmail if SelfMonitoringEmail is empty.
    let names = ["SelfMonitoringEmail", "SelfMonitoringEmail2", "AlertEmail"];
    if !names.into_iter().all(empty) {
        return Vec::new();
    }
    let problem = "no address receives alarms about Vigie itself";
    vec![Finding::warning(problem, "set SelfMonitoringEmail in samconfig.toml")]
}

fn subscriptions(facts: &Facts) -> Vec<Finding> {
    let unconfirmed = facts.subscriptions.iter().filter(|one| !one.confirmed);
    let mut pending: Vec<&str> = unconfirmed.map(|one| one.endpoint.as_str()).collect();
    pending.sort_unstable();
    pending.dedup();
    let mut findings: Vec<Finding> = pending
        .into_iter()
        .map(|address| {
            Finding::warning(
                format!("`{address}` has not confirmed its subscription and receives nothing"),
                "confirm it as described under `Confirming subscriptions` in docs/deploying.md",
            )
        })
        .collect();
    let is_deployed =
        facts.stack_status.as_deref().is_some_and(|status| !is_failed_creation(status));
    // Without an address in the parameters, that is the finding.
    let topics: [(&str, Check); 2] =
        [("notifications", addresses), ("self-monitoring", self_monitoring)];
    for (topic, check) in topics {
        let topic = format!("vigie-{}-{topic}", facts.environment);
        let is_subscribed = facts.subscriptions.iter().any(|one| one.topic == topic);
        if is_deployed && !is_subscribed && check(facts).is_empty() {
            findings.push(Finding::warning(
                format!("topic `{topic}` has no subscriber"),
                "subscribe an address or a channel; CloudFormation does not restore a deleted subscription",
            ));
        }
    }
    findings
}

fn unread(facts: &Facts) -> Vec<Finding> {
    let finding = |unread: &Unread| {
        let Unread { action, message, denied } = unread;
        if message.contains("service control policy") {
            return Finding::error(
                format!("a service control policy of the organization denies {action}"),
                "ask the administrator of the organization to allow it for this account and region",
            );
        }
        let problem = format!("{action} failed, so its result was not checked: {message}");
        let hint = if *denied {
            "allow the action to your role, see infra/deploy-policy.json"
        } else {
            "repeat the command"
        };
        Finding::warning(problem, hint)
    };
    facts.unread.iter().map(finding).collect()
}

fn number(facts: &Facts, name: &str) -> Option<u32> {
    facts.parameters.get(name)?.parse().ok()
}

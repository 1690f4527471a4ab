use super::*;
use crate::parameters::of_pairs;

fn healthy() -> Facts {
    let parameters =
        ["AlertEmail=a@example.com", "SelfMonitoringEmail=b@example.com", "ProbeVariables="];
    let subscription = |topic: &str| Subscription {
        topic: format!("vigie-dev-{topic}"),
        endpoint: "a@example.com".to_owned(),
        confirmed: true,
    };
    Facts {
        environment: "dev".to_owned(),
        region: "eu-west-3".to_owned(),
        partition: "aws".to_owned(),
        stack_status: Some("UPDATE_COMPLETE".to_owned()),
        executions: Some(Executions { quota: 1_000, unreserved: 1_000 }),
        alarms: Some(Alarms { others: 100, planned: 40 }),
        subscriptions: vec![subscription("notifications"), subscription("self-monitoring")],
        parameters: of_pairs(parameters).unwrap(),
        now: "2026-11-30T12:00:00Z".parse().unwrap(),
        ..Facts::default()
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

fn secret(name: &str, state: SecretState) -> Secret {
    Secret {
        reference: format!("secret:{name}"),
        name: name.to_owned(),
        used_by: "probe `bot`".to_owned(),
        state,
    }
}

fn denied(message: &str) -> Unread {
    let action = "lambda:GetAccountSettings".to_owned();
    Unread { action, message: message.to_owned(), denied: true }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row for each fault")]
fn each_fault_is_reported_with_a_remedy() {
    let cases: [(&str, Change, &str); 25] = [
        ("healthy", |_| (), ""),
        (
            "failed creation",
            |f| f.stack_status = Some("ROLLBACK_COMPLETE".into()),
            "error: stack `vigie-dev` is in state ROLLBACK_COMPLETE\nhint: CloudFormation cannot update it. `vigie deploy dev --recreate` deletes it and deploys again",
        ),
        (
            "deployment at the same time",
            |f| f.stack_status = Some("UPDATE_IN_PROGRESS".into()),
            "error: stack `vigie-dev` is in state UPDATE_IN_PROGRESS\nhint: wait until the other deployment has ended",
        ),
        (
            "type missing in the region",
            |f| f.missing_types.push("AWS::CloudWatch::AlarmMuteRule".into()),
            "error: region eu-west-3 has no resource type AWS::CloudWatch::AlarmMuteRule\nhint: leave MaintenanceSchedule empty, or use another region",
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
            "alarm quota",
            |f| f.alarms = Some(Alarms { others: 4_950, planned: 60 }),
            "warning: the environment needs 60 alarms and region eu-west-3 has 4950 others; the default quota is 5000\nhint: raise the CloudWatch quota of metric alarms in Service Quotas, or use another account or region",
        ),
        (
            "too many variables",
            |f| set(f, "ProbeVariables", &"A=1,".repeat(1_000)),
            "error: ProbeVariables has 4000 bytes; expected at most 3000\nhint: write addresses that are not secret into the probe files",
        ),
        (
            "key of another region",
            |f| set(f, "KmsKeyArn", "arn:aws:kms:us-east-1:123456789012:key/1"),
            "error: `KmsKeyArn` is a key in region `us-east-1`; expected `eu-west-3`\nhint: use a key of the region of the stack",
        ),
        (
            "policy of another partition",
            |f| set(f, "PermissionsBoundaryArn", "arn:aws-cn:iam::123456789012:policy/x"),
            "error: `PermissionsBoundaryArn` is in partition `aws-cn`; expected `aws`\nhint: use an ARN of this account",
        ),
        (
            "maintenance window in the past",
            |f| set(f, "MaintenanceSchedule", "at(2026-11-20T02:00)"),
            "warning: MaintenanceSchedule is `at(2026-11-20T02:00)`, which is in the past\nhint: delete MaintenanceSchedule from samconfig.toml",
        ),
        (
            "maintenance window to come",
            |f| set(f, "MaintenanceSchedule", "at(2026-12-20T02:00)"),
            "",
        ),
        (
            "missing secret",
            |f| f.secrets.push(secret("vigie/dev/bot", SecretState::Missing)),
            "error: probe `bot` uses `secret:vigie/dev/bot`, which does not exist in region eu-west-3\nhint: create it, or correct the name",
        ),
        (
            "deleted secret",
            |f| f.secrets.push(secret("vigie/dev/bot", SecretState::Deleted)),
            "error: probe `bot` uses `secret:vigie/dev/bot`, which is scheduled for deletion\nhint: aws secretsmanager restore-secret --secret-id vigie/dev/bot",
        ),
        (
            "secret outside the prefix",
            |f| f.secrets.push(secret("vigie/prod/bot", SecretState::Exists { key: None })),
            "error: probe `bot` uses `secret:vigie/prod/bot`; the prober may read only `vigie/dev/…`\nhint: rename the secret, or set SecretPrefix in samconfig.toml",
        ),
        (
            "secret under an unknown key",
            |f| {
                let key = Some("alias/team".to_owned());
                f.secrets.push(secret("vigie/dev/bot", SecretState::Exists { key }));
            },
            "error: probe `bot` uses `secret:vigie/dev/bot`, which key `alias/team` encrypts; the function may not use this key\nhint: set SecretsKeyArn in samconfig.toml to the ARN of the key",
        ),
        (
            "secret that cannot be looked up",
            |f| f.secrets.push(secret("vigie/dev/bot", SecretState::Unknown)),
            "",
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
                f.stack_status = None;
                set(f, "AlertEmail", "");
            },
            "error: no address receives notifications\nhint: set AlertEmail in samconfig.toml; `--without-notifications` deploys without one",
        ),
        (
            "no self-monitoring address",
            |f| {
                set(f, "SelfMonitoringEmail", "");
                set(f, "AlertEmail", "");
                set(f, "TicketEmail", "a@example.com");
            },
            "warning: no address receives alarms about Vigie itself\nhint: set SelfMonitoringEmail in samconfig.toml",
        ),
        ("AlertEmail also receives alarms about Vigie", |f| set(f, "SelfMonitoringEmail", ""), ""),
        (
            "unconfirmed address",
            |f| f.subscriptions[0].confirmed = false,
            "warning: `a@example.com` has not confirmed its subscription and receives nothing\nhint: confirm it as described under `Confirming subscriptions` in docs/deploying.md",
        ),
        (
            "deleted subscription",
            |f| f.subscriptions.truncate(1),
            "warning: topic `vigie-dev-self-monitoring` has no subscriber\nhint: subscribe an address or a channel; CloudFormation does not restore a deleted subscription",
        ),
        (
            "service control policy",
            |f| f.unread.push(denied("… with an explicit deny in a service control policy")),
            "error: a service control policy of the organization denies lambda:GetAccountSettings\nhint: ask the administrator of the organization to allow it for this account and region",
        ),
        (
            "missing permission",
            |f| f.unread.push(denied("User x is not authorized to perform …")),
            "warning: lambda:GetAccountSettings failed, so its result was not checked: User x is not authorized to perform …\nhint: allow the action to your role, see infra/deploy-policy.json",
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
    facts.subscriptions.clear();
    facts.stack_status = Some("UPDATE_ROLLBACK_FAILED".to_owned());
    let severities: Vec<Severity> = examine(&facts).iter().map(|one| one.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning, Severity::Warning]);
}

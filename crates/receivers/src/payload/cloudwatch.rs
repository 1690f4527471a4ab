//! A message in the form in which CloudWatch publishes a change of an alarm, for tools that read only this form.
//!
//! The form is that of the messages in `tests/fixtures/events`.

use notify::State;
use notify::notification::{Item, Notification};
use serde_json::{Value, json};

use crate::text::lines;

pub(super) fn message(notification: &Notification, item: &Item) -> Value {
    let alert = &item.alert;
    // arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:NAME
    let parts: Vec<&str> = alert.key.splitn(7, ':').collect();
    let account = parts.get(4).copied().unwrap_or_default();
    let old = match (alert.previous, alert.state) {
        (Some(previous), _) => previous,
        (None, State::Ok) => State::Alarm,
        (None, State::Alarm | State::InsufficientData) => State::Ok,
    };
    let probe = alert.subject.probe().map(ToString::to_string).unwrap_or_default();
    let environment = notification.environment.as_str();
    json!({
        "AlarmName": lines(&alert.name, 255),
        "AlarmDescription": lines(&alert.description, 1_024),
        "AWSAccountId": account,
        "AlarmConfigurationUpdatedTimestamp": time(alert.changed),
        "NewStateValue": alert.state.as_str(),
        "NewStateReason": lines(&alert.reason, 1_023),
        "StateChangeTime": time(alert.changed),
        "Region": notification.region,
        "AlarmArn": lines(&alert.key, 1_600),
        "OldStateValue": old.as_str(),
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "Success",
            "Namespace": "Vigie",
            "StatisticType": "Statistic",
            "Statistic": "AVERAGE",
            "Unit": null,
            "Dimensions": [
                { "name": "Environment", "value": environment },
                { "name": "Probe", "value": probe },
            ],
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "LessThanThreshold",
            "Threshold": 1.0,
            "TreatMissingData": "missing",
            "EvaluateLowSampleCountPercentile": "",
        },
    })
}

fn time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

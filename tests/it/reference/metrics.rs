//! CloudWatch metrics and Prometheus series.

use std::fmt::Write as _;

use domain::metrics::{COMMON_LABELS, PHASES, PUBLISHED};

pub(super) const SOURCE: &str = "crates/domain/src/metrics/prometheus.rs";

const CLOUDWATCH: &str = "## CloudWatch

Namespace `Vigie`. A value is stamped with the time at which the run was due. A metric that is absent has no value for that \
run or minute.

Dimensions `Environment` and `Probe`, one value per run:

| metric | unit | meaning | absent |
| --- | --- | --- | --- |
| `Success` | 0 or 1 | 1 if the run was up or degraded. The average is the availability. | no verdict |
| `Degraded` | 0 or 1 | 1 if every check passed but an objective was missed, or only a retry passed | no verdict |
| `Duration` | Seconds | duration of the run, retries included | no verdict |
| `TimeToFirstChunk` | Seconds | from the prompt to the first chunk with text, one value per turn | no chunk |
| `Failure` (with dimension `Reason`) | Count | 1 for the reason of a failed run | not down |
| `QueueTime`, `ReplyDuration`, `InterChunkTime`, `ProcessingTime`, `ConnectTime` | Seconds | with `Metrics=full` | phase did not occur |
| `Retries` | Count | attempts after the first one, with `Metrics=full` | no verdict |
| `CertificateDaysLeft` | days | days until the TLS certificate expires | no TLS |
| `MaintenanceSuccess` | 0 or 1 | the value of `Success` of a run in a maintenance window, which does not count for availability | the run is outside of maintenance windows |

`Success` and `TimeToFirstChunk` are also published with the dimension `Location` if the parameter `Locations` is set.

Dimension `Environment`, about Vigie itself. Absent while there is nothing to count, unless stated otherwise:

| metric | meaning |
| --- | --- |
| `RunsDispatched` | runs that the dispatcher requested; published every minute, including 0 |
| `LongestTimeout` | longest timeout of the probes in Seconds, for the heartbeat; published if it is over 2 minutes |
| `RunsReported` | runs with a published result |
| `RunErrors` | runs without a verdict because of a fault of Vigie, and probes that could not be read |
| `RunsStalled` | runs decided by CPU starvation of the prober; never counted against the bot |
| `RunsLate` | runs that were skipped because they started more than one interval late |
| `ScrapesLate` | scrapes that were skipped because they started more than one interval late |
| `RunsLost` | runs that were lost because their invocation crashed |
| `ProbesWithoutAlarm` | probes that run but have no alarm |
| `StatusPageErrors` | pages of the status page that could not be written |
| `LocationDeadLetters` | messages in the dead-letter queues of the other locations; counted every five minutes |
| `NotificationsUnpublished` | notifications that SNS rejected |
| `NotificationStoreUnavailable` | 1 for each invocation of `alerts` in which the table did not answer |
| `SubscriptionsUnconfirmed` | unconfirmed or missing e-mail subscriptions; published daily, hourly while there are any, including 0 |
| `SamplesReceived`, `SamplesSent`, `OldestMessageAge` | samples of the bridge, and the age of the oldest message in Seconds; each minute in which the bridge runs |
| `SamplesRefused` (also with `Reason`) | samples that the receiver rejected; `unaccounted` if it did not say which |
| `SamplesDeadLettered` | rejected samples in the dead-letter queue |
| `SamplesArchived` | samples that were too old for the receiver and are stored in the report bucket |
| `SamplesTooLarge` | samples that were dropped because a queue message cannot carry them |
";

pub(super) fn page() -> String {
    let mut page = CLOUDWATCH.to_owned();
    let labels: Vec<String> = COMMON_LABELS.iter().map(|label| format!("`{label}`")).collect();
    let phases: Vec<String> = PHASES.iter().map(|phase| format!("`{phase}`")).collect();
    let _ = write!(
        page,
        "\n## Prometheus\n\nEvery series has the labels {} and those under `labels` in the probe file. The phases are {}.\n\n\
         | series | meaning | absent |\n| --- | --- | --- |\n",
        labels.join(", "),
        phases.join(", "),
    );
    for series in PUBLISHED {
        let own = series.labels.join(", ");
        let own = if own.is_empty() { own } else { format!("{{{own}}}") };
        let _ = writeln!(
            page,
            "| `{}{own}` | {} | {} |",
            series.name,
            super::cell(series.meaning),
            super::cell(series.absent)
        );
    }
    page.push_str(
        "\nA series without a value for five minutes disappears from instant queries. For probes that run less often use \
         `last_over_time(…)`, as the rules and dashboards in `infra/observability` do.\n",
    );
    page
}

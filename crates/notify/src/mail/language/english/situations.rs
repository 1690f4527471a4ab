//! Summary, impact, steps and runbook for each situation, in English.

use super::reasons;
use crate::incident::Closure;
use crate::mail::situation::{Problem, Situation, Slowness};

pub(super) fn summary(situation: Situation) -> &'static str {
    match situation {
        Situation::Down(None) => "conversations fail",
        Situation::DownFrom(None) => "conversations fail at this location only",
        Situation::Down(Some(reason)) | Situation::DownFrom(Some(reason)) => {
            reasons::summary(reason)
        }
        Situation::Degraded(Slowness::FirstChunk) => "slow to start answering",
        Situation::Degraded(Slowness::Reply) => "slow replies",
        Situation::Degraded(Slowness::Retry) => "passes only on retry",
        Situation::Degraded(Slowness::Unknown) => "correct but slow, or only on retry",
        Situation::NoData(None) => "no results",
        Situation::NoDataFrom => "no results from this location",
        Situation::NoData(Some(fault)) => reasons::fault(fault),
        Situation::Closed(Closure::Deleted) => "the alarm was deleted or renamed",
        Situation::Closed(Closure::NotReported) => "no further report from its sender",
        Situation::Recovered(Problem::Down) => "answers correctly again",
        Situation::Recovered(Problem::Location) => "agrees with the other locations again",
        Situation::Recovered(Problem::Degraded) => "fast enough again",
        Situation::Recovered(Problem::NoData) => "results arrive again",
        Situation::SelfMonitoring => "fault in Vigie",
        Situation::SelfMonitoringOver => "fault in Vigie resolved",
        Situation::ProbeAlarm | Situation::External => "alarm raised",
        Situation::ExternalOver => "alarm resolved",
        Situation::Unreadable => "unknown format on the alarms topic",
    }
}

pub(super) fn impact(situation: Situation) -> &'static str {
    match situation {
        Situation::Down(None) => "Users get no usable answer.",
        Situation::Down(Some(reason)) => reasons::impact(reason),
        Situation::DownFrom(_) => {
            "Users whose network is like that of this location may get no usable answer."
        }
        Situation::NoDataFrom => {
            "The location has no vote. The other locations still have results."
        }
        Situation::Degraded(Slowness::FirstChunk) => {
            "Users get correct answers, but wait too long before an answer starts."
        }
        Situation::Degraded(Slowness::Reply) => {
            "Users get correct answers, but the answers take too long."
        }
        Situation::Degraded(Slowness::Retry) => {
            "Some users must send their message twice. The second attempt works."
        }
        Situation::Degraded(Slowness::Unknown) => {
            "Users get correct answers, but wait too long or must try twice."
        }
        Situation::NoData(_) => {
            "The bot may be up or down: it is not being tested. The fault is in Vigie, not in the bot."
        }
        Situation::Closed(Closure::Deleted) => {
            "The alarm no longer exists in CloudWatch. Vigie sends no further notification about it. The bot may still be down."
        }
        Situation::Closed(Closure::NotReported) => {
            "Vigie cannot query the alert and received no further report about it. It may be resolved, silenced or inhibited, its sender may be down, or it may still be active."
        }
        Situation::Recovered(Problem::Down) => "Users get correct answers again.",
        Situation::Recovered(Problem::Location) => "The location has a vote again.",
        Situation::Recovered(Problem::Degraded) => "Users get correct answers in time.",
        Situation::Recovered(Problem::NoData) => {
            "The bot was not necessarily down: it was not being tested."
        }
        Situation::SelfMonitoring => {
            "Users of the bots notice nothing. Notifications may be late or missing."
        }
        Situation::SelfMonitoringOver => "Notifications are reliable again.",
        Situation::ProbeAlarm => "The description of the alarm says what it means.",
        Situation::External => "Vigie does not know the impact of this alarm.",
        Situation::ExternalOver => "No action is needed.",
        Situation::Unreadable => "The message is shown below unchanged.",
    }
}

pub(super) fn steps(situation: Situation) -> &'static [&'static str] {
    match situation {
        Situation::Down(None) => &[
            "Open the bot in a browser and send it a message.",
            reasons::RUN_PROBE,
            "Read the app's log from the start of the alarm, and check its last deployment.",
        ],
        Situation::Down(Some(reason)) => reasons::steps(reason),
        Situation::DownFrom(_) => &[
            "Check the DNS, the firewall and the CDN of the bot for the network of this location.",
            "If a second location fails, the alarm of the bot sends a page.",
        ],
        Situation::NoDataFrom => &[
            "Read the log of the prober in the region of the location, or of the agent on its machine.",
            "Check the dead-letter queue of the location.",
        ],
        Situation::Degraded(Slowness::Unknown) => &[
            reasons::LAST_REPORT,
            "If the time is spent in the queue, there are more users than workers. Raise the concurrency limit or add a replica.",
            "If it is spent after the queue, the model is slow. Check its latency, rate limits and GPU.",
        ],
        Situation::Degraded(Slowness::FirstChunk) => &[
            "Check in the report whether the time is spent in the queue or after it.",
            "In the queue: there are more users than workers. Raise the concurrency limit or add a replica.",
            "After the queue: the model is slow. Check its latency, rate limits and GPU.",
        ],
        Situation::Degraded(Slowness::Reply) => &[
            "Compare the length of the replies with last week. Longer replies take longer.",
            "Check the time between chunks in the report. Even gaps mean a slow model, one long gap means a stall.",
            "Check the latency and the rate limits of the model.",
        ],
        Situation::Degraded(Slowness::Retry) => &[
            "Read in the report why the first attempt failed.",
            "Look for restarts, a bad replica behind the load balancer, or a rate limit.",
        ],
        Situation::NoData(Some(fault)) => reasons::fault_steps(fault),
        Situation::NoData(None) => &[
            "Check that the dispatcher and the prober run: read their log groups and the mails about Vigie itself (topic vigie-{environment}-self-monitoring).",
            "If the probe was renamed, disabled or removed, deploy again.",
            reasons::TEST_MANUALLY,
        ],
        Situation::Recovered(Problem::NoData) => &["Find out in the logs why no results arrived."],
        Situation::Closed(Closure::Deleted) => {
            &["If the alarm was not deleted on purpose, deploy again.", reasons::RUN_PROBE]
        }
        Situation::Closed(Closure::NotReported) => {
            &["Check the alert at its sender, such as Alertmanager, if you did not expect this."]
        }
        Situation::Recovered(_) => {
            &["No action is needed now. During working hours, record what fixed it."]
        }
        Situation::SelfMonitoring => &[
            "Read the description of the alarm above. It says what stopped.",
            "Read the log and the dead-letter queue that the description names.",
        ],
        Situation::ProbeAlarm => &[
            "Read the description of the alarm.",
            "Follow the section of the runbook on this alarm.",
        ],
        Situation::External => &["Open the alarm, or its runbook if it has one."],
        Situation::SelfMonitoringOver | Situation::ExternalOver => &["No action is needed."],
        Situation::Unreadable => &[
            "Read the message above. Act if it is an alarm.",
            "Change its sender to a format that Vigie supports. docs/alerting.md lists them.",
        ],
    }
}

pub(super) fn runbook(situation: Situation) -> Option<&'static str> {
    Some(match situation {
        Situation::Down(None) => "runbook.md#vigie-env-probe-down",
        Situation::Down(Some(_)) => "runbook.md#reasons",
        Situation::DownFrom(_) | Situation::NoDataFrom => "runbook.md#vigie-env-probe-downlocation",
        Situation::Degraded(_) => "runbook.md#vigie-env-probe-degraded",
        Situation::NoData(_) => "runbook.md#vigie-env-probe-down-in-insufficient_data",
        Situation::ProbeAlarm => "runbook.md#alerts-of-the-probes",
        Situation::SelfMonitoring => "runbook.md#alarms-about-vigie-itself",
        _ => return None,
    })
}

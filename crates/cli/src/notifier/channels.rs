//! Where the notifications of `vigie serve` go: mails by SMTP, and the receivers of the settings file.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::EnvironmentName;
use notify::mail::{Mail, write, write_weekly};
use notify::notification::{Notification, WeeklyReport};
use notify::record::FlappingRules;
use notify::rules::Rules;
use notify::sent::Outcome;
use notify::{Language, Routes};
use receivers::{Audience, Receiver};
use tracing::{error, info, warn};

use crate::mail::{Mailer, Recipients};
use crate::receiver_client::{DeliveryError, ReceiverClient};

/// The mails, as the records name them. A receiver cannot have one of these names.
const PAGE: &str = "notifications";
const TICKETS: &str = "tickets";
const ESCALATION: &str = "escalation";

/// Everything that can be sent to.
pub(crate) struct Channels {
    pub(crate) mailer: Option<Mailer>,
    pub(crate) routes: Routes,
    /// Those of this environment.
    pub(crate) receivers: Vec<Receiver>,
    pub(crate) client: ReceiverClient,
    pub(crate) environment: EnvironmentName,
    pub(crate) language: Language,
    pub(crate) remind_every: Option<Duration>,
    pub(crate) escalate_after: Option<Duration>,
}

impl Channels {
    pub(crate) fn is_empty(&self) -> bool {
        self.mailer.is_none() && self.receivers.is_empty()
    }

    /// `mail` and the names of the receivers.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mail = self.mailer.iter().map(|_| "mail");
        mail.chain(self.receivers.iter().map(|receiver| receiver.name.as_str())).collect()
    }

    pub(super) fn rules(&self) -> Rules {
        let mails = self.mailer.as_ref();
        let escalation = mails.filter(|mailer| mailer.escalates());
        let trackers = self.receivers.iter().filter(|receiver| receiver.keeps_incidents());
        let escalation = self.with(escalation.map(|_| ESCALATION), Audience::Escalation);
        Rules {
            page: self.with(mails.map(|_| PAGE), Audience::Page),
            ticket: self.with(mails.map(|_| TICKETS), Audience::Ticket),
            trackers: trackers.map(|receiver| receiver.name.clone()).collect::<BTreeSet<_>>(),
            remind_every: self.remind_every,
            escalate_after: self.escalate_after.filter(|_| !escalation.is_empty()),
            escalation,
            flapping: FlappingRules::default(),
            lease: Duration::ZERO,
            window: Duration::ZERO,
        }
    }

    fn with(&self, mail: Option<&str>, audience: Audience) -> Vec<String> {
        let others = self.receivers.iter().filter(|one| one.audiences.contains(&audience));
        let names = others.map(|receiver| receiver.name.clone());
        mail.into_iter().map(str::to_owned).chain(names).collect()
    }

    /// Sends a notification to `name`; the outcome for each of its items.
    pub(super) async fn send(&self, name: &str, notification: &Notification) -> Vec<Outcome> {
        let count = notification.items.len();
        let recipients = match name {
            PAGE => Some(Recipients::Page),
            TICKETS => Some(Recipients::Tickets),
            ESCALATION => Some(Recipients::Escalation),
            _ => None,
        };
        let receiver = self.receivers.iter().find(|receiver| receiver.name == name);
        match (recipients, &self.mailer, receiver) {
            (Some(recipients), Some(mailer), _) => {
                vec![self.mail(mailer, recipients, name, notification).await; count]
            }
            (None, _, Some(receiver)) => self.deliver(receiver, notification).await,
            _ => {
                warn!(receiver = name, "Receiver is no longer configured");
                vec![Outcome::Accepted; count]
            }
        }
    }

    /// Sends the weekly mail to the recipients of pages.
    pub(super) async fn send_weekly(&self, report: &WeeklyReport) -> Outcome {
        let Some(mailer) = &self.mailer else { return Outcome::Accepted };
        self.put(mailer, Recipients::Page, PAGE, &write_weekly(report, self.language)).await
    }

    async fn mail(
        &self,
        mailer: &Mailer,
        to: Recipients,
        receiver: &str,
        notification: &Notification,
    ) -> Outcome {
        self.put(mailer, to, receiver, &write(notification, self.language)).await
    }

    async fn put(&self, mailer: &Mailer, to: Recipients, receiver: &str, mail: &Mail) -> Outcome {
        match mailer.send(to, mail).await {
            Ok(()) => {
                info!(receiver, subject = mail.subject, "Mail sent");
                Outcome::Accepted
            }
            Err(failed) => {
                let uncertain = failed.is_uncertain();
                let cause = format!("{:#}", anyhow::Error::new(failed));
                error!(receiver, error = cause, "Mail was not sent");
                if uncertain { Outcome::Unknown } else { Outcome::Rejected }
            }
        }
    }

    async fn deliver(&self, receiver: &Receiver, notification: &Notification) -> Vec<Outcome> {
        let name = receiver.name.as_str();
        let mut outcomes = vec![Outcome::Accepted; notification.items.len()];
        let (client, environment) = (&self.client, &self.environment);
        match client.send(receiver, environment, notification, self.language).await {
            Err(failed) => outcomes.fill(rejected(name, failed)),
            Ok(parts) => {
                for part in parts {
                    let outcome = match part.result {
                        Ok(()) => {
                            info!(receiver = name, "Notification sent");
                            Outcome::Accepted
                        }
                        Err(failed) => rejected(name, failed),
                    };
                    for index in part.items {
                        outcomes[index] = outcome;
                    }
                }
            }
        }
        outcomes
    }
}

fn rejected(receiver: &str, failed: DeliveryError) -> Outcome {
    let outcome = failed.outcome();
    let cause = format!("{:#}", anyhow::Error::new(failed));
    error!(receiver, error = cause, "Notification was not accepted");
    outcome
}

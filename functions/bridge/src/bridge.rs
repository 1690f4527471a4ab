//! One event: samples out of their messages, on to the receiver, and what is to be done with each
//! message.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use remote_write::{Auth, Client, HeldUp, Patience, Settings, SigV4};
use samples::{Entry, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use secrets::Secrets;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::{AuthSource, Config};
use crate::health::Health;
use crate::letter::Letter;
use crate::{archive, credentials, dead_letters};

/// Tries of one request within one event; the queue makes further ones.
const TRIES: u32 = 4;

/// For one request; a receiver that hangs must not hold up the whole event.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// From which delivery on a lasting 500 is held against single samples: more than a minute.
const SUSPICIOUS_DELIVERY: u32 = 4;

/// The part of an event's time, at most, that is kept after sending: half of it for putting aside, half for
/// messages and figures. A call of a service takes 5 s at most.
const RESERVE: Duration = Duration::from_secs(12);

/// Messages whose progress is remembered.
const REMEMBERED: usize = 1000;

/// The clients of the services that the bridge uses.
pub struct Services {
    pub sqs: aws_sdk_sqs::Client,
    pub s3: aws_sdk_s3::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub secrets: Secrets,
    /// For signatures; `None` where the environment has none.
    pub credentials: Option<SharedCredentialsProvider>,
}

/// Takes samples from the queue to the receiver.
pub struct Bridge {
    config: Config,
    services: Services,
    state: Mutex<State>,
}

/// What outlives an event, as long as the execution environment does. Losing it costs repeated
/// requests, nothing else.
#[derive(Default)]
struct State {
    client: Option<(Option<SecretString>, Client)>,
    health: Health,
    /// By message: which of its samples the receiver has. They are not sent again when the message
    /// comes back for the others.
    written: HashMap<String, Vec<bool>>,
}

/// Why nothing can be sent at all.
#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error("the receiver's secret can't be had")]
    Secret(#[from] secrets::SecretError),
    #[error(transparent)]
    Unusable(#[from] credentials::UnusableSecret),
    #[error("there are no AWS credentials to sign with")]
    NoCredentials,
    #[error(transparent)]
    Settings(#[from] remote_write::SettingsError),
}

impl Bridge {
    #[must_use]
    pub fn new(config: Config, services: Services) -> Self {
        Self { config, services, state: Mutex::default() }
    }

    /// Sends the samples of an event and answers which messages are to come again.
    ///
    /// `now` is the time at the call. It ends well within `time_left`.
    pub async fn handle(
        &self,
        event: SqsEvent,
        now: Timestamp,
        time_left: Duration,
    ) -> SqsBatchResponse {
        let mut state = self.state.lock().await;
        let began = Instant::now();
        let reserve = RESERVE.min(time_left / 2);
        let until = began + time_left - reserve;
        let mut letters: Vec<Letter> = event.records.into_iter().filter_map(Letter::open).collect();
        state.health.note_arrivals(&letters, now);

        let held_up = match self.client(&mut state).await {
            Ok(()) => self.send(&mut state, &mut letters, now, until).await,
            Err(error) => {
                let cause = lambda_kit::chain(&error);
                tracing::error!(cause, "nothing can be sent");
                for letter in &mut letters {
                    letter.findings.unsent = letter.entries().len();
                }
                Some(HeldUp { cause, status: None, wait: Duration::ZERO })
            }
        };
        if let Some(HeldUp { status: Some(401 | 403), .. }) = held_up
            && let Some(reference) = self.config.auth.secret()
        {
            // It may have been rotated: the next event asks for it anew.
            self.services.secrets.forget(&reference);
        }
        let stay = self.finish(&mut state, &letters, until + reserve / 2).await;
        state.remember(&letters, &stay);
        tell(&letters, &stay, held_up.as_ref());
        let wait = held_up.map_or(Duration::ZERO, |held_up| held_up.wait);
        let postponed = self.postpone(&letters, &stay, wait);
        tokio::join!(postponed, self.publish(&mut state, now + began.elapsed()));
        lambda_kit::redeliver(stay)
    }

    /// Sees to it that there is a client with the secret as it is now.
    async fn client(&self, state: &mut State) -> Result<(), SetupError> {
        let secret = match self.config.auth.secret() {
            Some(reference) => {
                let now = Instant::now().into_std();
                Some(self.services.secrets.get(&reference, now).await?)
            }
            None => None,
        };
        let text = |secret: &Option<SecretString>| {
            secret.as_ref().map(|secret| secret.expose_secret().to_owned())
        };
        if state.client.as_ref().is_some_and(|(known, _)| text(known) == text(&secret)) {
            return Ok(());
        }
        let mut settings = Settings::new(&self.config.url)?;
        settings.protocol = self.config.protocol;
        settings.timeout = REQUEST_TIMEOUT;
        domain::USER_AGENT.clone_into(&mut settings.user_agent);
        if let AuthSource::SigV4 { region } = &self.config.auth {
            let credentials = self.services.credentials.clone().ok_or(SetupError::NoCredentials)?;
            let (region, service) = (region.clone(), "aps".to_owned());
            settings.auth = Auth::SigV4(SigV4 { region, service, credentials });
        }
        if let Some(secret) = &secret {
            credentials::apply(secret, &mut settings)?;
        }
        state.client = Some((secret, Client::new(settings)?));
        Ok(())
    }

    /// Sends all that can be sent, in the order of the messages, and notes what became of it.
    async fn send(
        &self,
        state: &mut State,
        letters: &mut [Letter],
        now: Timestamp,
        until: Instant,
    ) -> Option<HeldUp> {
        let oldest = now - self.config.max_age;
        let mut entries: Vec<Entry> = Vec::new();
        let mut owners = Vec::new();
        for (index, letter) in letters.iter_mut().enumerate() {
            if let Some(written) = state.written.get(&letter.id)
                && written.len() == letter.findings.written.len()
            {
                letter.findings.written.clone_from(written);
            }
            let Ok(message) = &letter.content else { continue };
            for (place, entry) in message.entries.iter().enumerate() {
                if letter.findings.written[place] {
                    continue;
                }
                if entry.at() < oldest {
                    letter.findings.too_old.push(entry.clone());
                } else {
                    entries.push(entry.clone());
                    owners.push((index, place));
                }
            }
        }
        let (_, client) = state.client.as_mut()?;
        let isolate = letters.iter().any(|letter| letter.deliveries >= SUSPICIOUS_DELIVERY);
        let patience = Patience { tries: TRIES, until: Some(until), isolate };
        let outcome = client.write(&entries, now, patience).await;
        for ((index, place), fate) in owners.into_iter().zip(&outcome.fates) {
            letters[index].note(place, fate);
        }
        let sent = outcome.count(|fate| *fate == remote_write::Fate::Written);
        state.health.note_sent(sent - outcome.unaccounted, outcome.unaccounted);
        outcome.held_up
    }

    /// Puts aside what is hopeless or too old, as far as time goes. Returns the messages that stay in the
    /// queue: those with something unsent or not put aside, and whatever follows them in their group.
    async fn finish(&self, state: &mut State, letters: &[Letter], until: Instant) -> Vec<String> {
        let mut stay = Vec::new();
        let mut groups = HashSet::new();
        for letter in letters {
            let aside = self.put_aside(&mut state.health, letter);
            let stays = groups.contains(letter.group.as_str())
                || letter.findings.unsent > 0
                || !tokio::time::timeout_at(until, aside).await.unwrap_or(false);
            if stays {
                groups.insert(letter.group.as_str());
                stay.push(letter.id.clone());
            }
        }
        stay
    }

    /// Whether all that will never be sent is safe elsewhere.
    async fn put_aside(&self, health: &mut Health, letter: &Letter) -> bool {
        if !letter.findings.too_old.is_empty() {
            match archive::keep(&self.services.s3, &self.config.bucket, letter).await {
                Ok(count) => health.archived += count,
                Err(error) => {
                    tracing::error!(
                        run = letter.run(),
                        cause = lambda_kit::chain(&error),
                        "not kept"
                    );
                    return false;
                }
            }
        }
        if letter.findings.hopeless.is_empty() && letter.content.is_ok() {
            return true;
        }
        let url = &self.config.dead_letter_url;
        match dead_letters::post(&self.services.sqs, url, letter).await {
            Ok(count) => {
                health.dead_lettered += count;
                health.note_refusals(letter);
                true
            }
            Err(error) => {
                let cause = lambda_kit::chain(&error);
                tracing::error!(run = letter.run(), cause, "not dead-lettered");
                false
            }
        }
    }

    /// Lets messages that stay rest, the longer the more often they came.
    async fn postpone(&self, letters: &[Letter], stay: &[String], wait: Duration) {
        let entries: Vec<_> = letters
            .iter()
            .filter(|letter| stay.contains(&letter.id))
            .enumerate()
            .filter_map(|(index, letter)| {
                let rest = rest(letter.deliveries, fastrand::f64()).max(wait);
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(&letter.receipt)
                    .visibility_timeout(i32::try_from(rest.as_secs()).unwrap_or(600).min(43_200))
                    .build()
                    .ok()
            })
            .collect();
        // SQS takes ten at a time, and an event source gives no more.
        for chunk in entries.chunks(10) {
            let request = self
                .services
                .sqs
                .change_message_visibility_batch()
                .queue_url(&self.config.queue_url)
                .set_entries(Some(chunk.to_vec()));
            if let Err(error) = request.send().await {
                // They come back after the queue's own time.
                tracing::warn!(cause = lambda_kit::chain(&error), "visibility not changed");
            }
        }
    }

    async fn publish(&self, state: &mut State, now: Timestamp) {
        let data = state.health.due(&self.config.environment, now);
        if !data.is_empty()
            && let Err(error) = cloudwatch::put(&self.services.cloudwatch, data).await
        {
            tracing::warn!(cause = lambda_kit::chain(&error), "figures not published");
        }
    }
}

impl State {
    fn remember(&mut self, letters: &[Letter], stay: &[String]) {
        for letter in letters {
            self.written.remove(&letter.id);
            let some = letter.findings.written.contains(&true);
            if some && stay.contains(&letter.id) && self.written.len() < REMEMBERED {
                self.written.insert(letter.id.clone(), letter.findings.written.clone());
            }
        }
    }
}

/// How long a message rests after it came `deliveries` times: 10 s, doubling, to 10 min. `share`,
/// from 0 to 1, spreads the upper fifth.
fn rest(deliveries: u32, share: f64) -> Duration {
    let doubled = 10_u64.saturating_mul(1 << deliveries.saturating_sub(1).min(10));
    Duration::from_secs(doubled.min(600)).mul_f64(0.8 + 0.2 * share)
}

fn tell(letters: &[Letter], stay: &[String], held_up: Option<&HeldUp>) {
    for letter in letters {
        let findings = &letter.findings;
        tracing::info!(
            run = letter.run(),
            group = letter.group,
            delivery = letter.deliveries,
            written = findings.written.iter().filter(|written| **written).count(),
            unsent = findings.unsent,
            refused = findings.hopeless.len(),
            too_old = findings.too_old.len(),
            stays = stay.contains(&letter.id),
            "samples"
        );
    }
    if let Some(held_up) = held_up {
        tracing::warn!(
            cause = held_up.cause,
            messages = stay.len(),
            "the receiver takes nothing now"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_rests_longer_each_time_up_to_ten_minutes() {
        let seconds: Vec<u64> = (1..=9).map(|count| rest(count, 1.0).as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
        assert_eq!((rest(0, 1.0).as_secs(), rest(u32::MAX, 0.0).as_secs()), (10, 480));
    }
}

//! `vigie alerts`: what Vigie has recorded about alarms, acknowledging or forgetting one of them, and testing receivers.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use domain::{EnvironmentName, ProbeName};
use jiff::Timestamp;
use notification_store::{NotificationStore, Stored};
use notify::record::AlarmRecord;
use notify::{Acknowledgement, State};
use url::Url;

use super::receiver_test;
use crate::serve_client::{ServeClient, ServeError};
use crate::status::{AcknowledgeRequest, Acknowledged};
use crate::style::{DIM, ERROR, GOOD};
use crate::{Exit, Io};

/// List, acknowledge or forget alarms that Vigie sends notifications about, and test receivers.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie alerts list --environment prod
  vigie alerts ack support-bot --by ada --environment prod
  vigie alerts ack support-bot --by ada --url http://127.0.0.1:9517
  vigie alerts forget vigie-prod-old-bot-down --environment prod
  vigie alerts test on-call --environment prod")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the active alarms and who acknowledged them.
    ///
    /// The exit code is 1 if an alarm is active.
    List(List),
    /// Acknowledge an active alarm, which stops its reminders and its escalation.
    ///
    /// Later mails show who acknowledged it. The end of the incident is still sent.
    Ack(Ack),
    /// Send a marked test notification to the receivers in infra/routes.json.
    ///
    /// The command reads the secrets with your credentials and sends from this machine. An incident that the test opens
    /// is resolved at once. The exit code is 1 if a receiver does not accept it. To test the topics and the deployed
    /// function, use `vigie test-alert`.
    Test(receiver_test::Test),
    /// Delete the record of an alarm.
    ///
    /// If CloudWatch still reports the alarm as active, Vigie notifies again.
    Forget(Forget),
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    environment: Environment,
    /// Also list alarms that are not active.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
struct Ack {
    /// The alarm or the probe, as `vigie alerts list` shows it.
    #[arg(value_name = "NAME")]
    name: String,
    /// Your name, which later notifications show.
    #[arg(long, value_name = "WHO")]
    by: String,
    /// Environment of the stack.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT", required_unless_present = "url")]
    environment: Option<EnvironmentName>,
    /// Address of a running `vigie serve` instead of a stack. Its token is read from `VIGIE_TOKEN`.
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
}

#[derive(Debug, Args)]
struct Forget {
    /// The alarm or the probe, as `vigie alerts list --all` shows it.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    environment: Environment,
}

#[derive(Debug, Args)]
struct Environment {
    /// Environment of the stack.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: EnvironmentName,
}

pub(crate) async fn alerts(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    match &arguments.command {
        Command::List(of) => list(&store(&of.environment.environment).await, of.all, io).await,
        Command::Ack(Ack { url: Some(url), name, by, .. }) => {
            acknowledge_at(url, name, by, io).await
        }
        Command::Ack(of) => {
            let environment = of.environment.as_ref().context(
                "`--environment` is not set; expected the environment of the stack, such as `prod`",
            )?;
            let store = store(environment).await;
            acknowledge(&store, &of.name, &of.by, Timestamp::now(), io).await
        }
        Command::Forget(of) => {
            forget(&store(&of.environment.environment).await, &of.name, io).await
        }
        Command::Test(test) => receiver_test::test(test, io).await,
    }
}

async fn store(environment: &EnvironmentName) -> NotificationStore {
    let aws = aws_config::load_from_env().await;
    let client = aws_sdk_dynamodb::Client::new(&aws);
    NotificationStore::new(client, format!("vigie-{environment}"))
}

/// Acknowledges the incidents of a probe of `vigie serve`.
async fn acknowledge_at(url: &Url, name: &str, by: &str, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let probe: ProbeName = name.parse().with_context(|| {
        format!(
            "`NAME` is `{}`; expected a probe, such as `support-bot`",
            redact::one_line(name, 80)
        )
    })?;
    let client = ServeClient::new(url.clone(), |name| std::env::var(name).ok())?;
    let path = format!("api/v1/probes/{probe}/acknowledgement");
    let request = AcknowledgeRequest { by: by.to_owned() };
    match client.post::<Acknowledged>(&path, &request).await {
        Ok(_) => {
            acknowledged(probe.as_str(), io)?;
            Ok(Exit::Success)
        }
        Err(ServeError::NotFound { .. }) => {
            writeln!(io.err, "{ERROR}not acknowledged{ERROR:#}: `{probe}` has no open incident")?;
            Ok(Exit::Down)
        }
        Err(error) => Err(error.into()),
    }
}

fn acknowledged(name: &str, io: &mut Io<'_>) -> anyhow::Result<()> {
    writeln!(io.out, "{GOOD}acknowledged{GOOD:#} {name}")?;
    writeln!(io.err, "{DIM}No reminders and no escalation until it is resolved.{DIM:#}")?;
    Ok(())
}

async fn list(store: &NotificationStore, all: bool, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let mut records = read(store).await?;
    records.retain(|stored| !stored.record.is_once() && (all || stored.record.is_open()));
    records.sort_by(|a, b| a.record.alert.name.cmp(&b.record.alert.name));
    for Stored { record, .. } in &records {
        writeln!(io.out, "{}", line(record))?;
    }
    let open = records.iter().filter(|stored| stored.record.is_open()).count();
    if records.is_empty() {
        writeln!(io.err, "{GOOD}no active alarm{GOOD:#}")?;
    }
    Ok(if open == 0 { Exit::Success } else { Exit::Down })
}

/// `ALARM  vigie-prod-bot-down  since 2026-11-22T14:05:11Z  acknowledged by ada`.
fn line(record: &AlarmRecord) -> String {
    let alert = &record.alert;
    let state = match alert.state {
        State::Alarm => "ALARM",
        State::InsufficientData => "NO DATA",
        State::Ok => "OK",
    };
    let since = match (record.is_open(), record.incident) {
        (true, Some(incident)) => incident.since,
        _ => alert.changed,
    };
    let name = redact::one_line(&alert.name, 200);
    let line = format!("{state:<8} {name}  since {since:.0}");
    match &record.acknowledged {
        None => line,
        Some(by) => format!("{line}  acknowledged by {}", redact::one_line(&by.by, 80)),
    }
}

async fn acknowledge(
    store: &NotificationStore,
    name: &str,
    by: &str,
    now: Timestamp,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let stored = find(store, name, AlarmRecord::is_open).await?;
    let key = stored.record.alert.key;
    let by = Acknowledgement { by: by.to_owned(), at: now };
    let change = |record: Option<&AlarmRecord>| {
        let record = record.filter(|record| record.is_open())?;
        Some(AlarmRecord { acknowledged: Some(by.clone()), ..record.clone() })
    };
    let changed = store.update(&key, now, change).await.context("could not acknowledge")?;
    if changed.is_none() {
        writeln!(io.err, "{ERROR}not acknowledged{ERROR:#}: the alarm is no longer active")?;
        return Ok(Exit::Down);
    }
    acknowledged(&stored.record.alert.name, io)?;
    Ok(Exit::Success)
}

async fn forget(store: &NotificationStore, name: &str, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let stored = find(store, name, |_| true).await?;
    store.delete(&stored.record.alert.key).await.context("could not delete the record")?;
    writeln!(io.out, "{GOOD}forgotten{GOOD:#} {}", stored.record.alert.name)?;
    Ok(Exit::Success)
}

/// The record of the alarm or probe `name`. Two alarms of one probe need the alarm's own name.
async fn find(
    store: &NotificationStore,
    name: &str,
    wanted: impl Fn(&AlarmRecord) -> bool,
) -> anyhow::Result<Stored> {
    let records = read(store).await?;
    let mut found: Vec<Stored> = records
        .into_iter()
        .filter(|stored| wanted(&stored.record))
        .filter(|Stored { record, .. }| {
            let probe = record.alert.subject.probe();
            record.alert.name == name || probe.is_some_and(|probe| probe.as_str() == name)
        })
        .collect();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => bail!("there is no such alarm: `{name}`\nhint: vigie alerts list shows the names"),
        _ => {
            let names: Vec<String> = found.into_iter().map(|one| one.record.alert.name).collect();
            bail!("`{name}` has several alarms: {}", names.join(", "))
        }
    }
}

async fn read(store: &NotificationStore) -> anyhow::Result<Vec<Stored>> {
    store.all().await.context(
        "could not read the table\nhint: check the account, the region and the environment",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::operation::delete_item::DeleteItemOutput;
    use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
    use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
    use aws_sdk_dynamodb::operation::query::QueryOutput;
    use aws_sdk_dynamodb::types::AttributeValue;
    use aws_smithy_mocks::{MockResponse, MockResponseInterceptor, RuleMode, mock};
    use domain::Severity;
    use notify::{Alert, Subject};

    type Item = HashMap<String, AttributeValue>;
    type Items = Arc<Mutex<BTreeMap<String, Item>>>;

    fn sort_key(item: Option<&Item>) -> String {
        item.and_then(|item| item.get("sk")?.as_s().ok()).cloned().unwrap()
    }

    /// A table in memory.
    fn table() -> NotificationStore {
        let items = Items::default();
        let (all, one, kept, dropped) = (items.clone(), items.clone(), items.clone(), items);
        let query = mock!(Client::query).then_compute_response(move |_| {
            let items = all.lock().unwrap().values().cloned().collect();
            MockResponse::Output(QueryOutput::builder().set_items(Some(items)).build())
        });
        let get = mock!(Client::get_item).then_compute_response(move |request| {
            let item = one.lock().unwrap().get(&sort_key(request.key())).cloned();
            MockResponse::Output(GetItemOutput::builder().set_item(item).build())
        });
        let put = mock!(Client::put_item).then_compute_response(move |request| {
            let item = request.item().cloned().unwrap();
            kept.lock().unwrap().insert(sort_key(Some(&item)), item);
            MockResponse::Output(PutItemOutput::builder().build())
        });
        let delete = mock!(Client::delete_item).then_compute_response(move |request| {
            dropped.lock().unwrap().remove(&sort_key(request.key()));
            MockResponse::Output(DeleteItemOutput::builder().build())
        });
        let answers = MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny);
        let answers =
            [query, get, put, delete].iter().fold(answers, MockResponseInterceptor::with_rule);
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::new("eu-west-1"))
            .credentials_provider(aws_sdk_dynamodb::config::Credentials::new(
                "id", "key", None, None, "tests",
            ))
            .http_client(aws_smithy_mocks::create_mock_http_client())
            .interceptor(answers);
        NotificationStore::new(Client::from_conf(config.build()), "vigie-prod")
    }

    async fn put(store: &NotificationStore, name: &str, state: State) {
        let at: Timestamp = "2026-11-22T14:05:11Z".parse().unwrap();
        let subject = Subject::of_alarm(name, &"prod".parse().unwrap());
        let alert = Alert {
            severity: Some(Severity::Page),
            ..Alert::new(name.to_owned(), subject, state, at)
        };
        let record = AlarmRecord::observe(None, &alert, Severity::Page, Duration::ZERO, at);
        store.put(&record.unwrap(), 0, at).await.unwrap();
    }

    /// Two active alarms and one that is not.
    async fn filled() -> NotificationStore {
        let store = table();
        put(&store, "vigie-prod-support-bot-down", State::Alarm).await;
        put(&store, "vigie-prod-hr-bot-down", State::InsufficientData).await;
        put(&store, "vigie-prod-lab-bot-down", State::Ok).await;
        store
    }

    async fn listed(store: &NotificationStore, all: bool) -> (Exit, Vec<String>) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        let exit = list(store, all, &mut io).await.unwrap();
        (exit, String::from_utf8(out).unwrap().lines().map(str::to_owned).collect())
    }

    #[tokio::test]
    async fn active_alarms_are_listed_by_name() {
        let store = filled().await;
        let (exit, lines) = listed(&store, false).await;
        assert_eq!(exit, Exit::Down);
        assert_eq!(
            lines,
            [
                "NO DATA  vigie-prod-hr-bot-down  since 2026-11-22T14:05:11Z",
                "ALARM    vigie-prod-support-bot-down  since 2026-11-22T14:05:11Z",
            ]
        );
        assert_eq!(listed(&store, true).await.1.len(), 3);
        assert_eq!(listed(&table(), false).await, (Exit::Success, Vec::new()));
    }

    #[tokio::test]
    async fn acknowledgement_names_who_made_it() {
        let store = filled().await;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        let now = "2026-11-22T14:10:00Z".parse().unwrap();
        let exit = acknowledge(&store, "support-bot", "ada", now, &mut io).await.unwrap();
        assert_eq!(exit, Exit::Success);
        let (_, lines) = listed(&store, false).await;
        assert!(lines[1].ends_with("acknowledged by ada"), "{lines:?}");
        let refused = acknowledge(&store, "lab-bot", "ada", now, &mut io).await.unwrap_err();
        assert!(refused.to_string().starts_with("there is no such alarm: `lab-bot`"), "{refused}");
    }

    #[tokio::test]
    async fn forgotten_alarm_has_no_record() {
        let store = filled().await;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        forget(&store, "vigie-prod-lab-bot-down", &mut io).await.unwrap();
        assert_eq!(listed(&store, true).await.1.len(), 2);
        assert!(forget(&store, "lab-bot", &mut io).await.is_err());
    }

    #[tokio::test]
    async fn probe_with_two_active_alarms_needs_the_name() {
        let store = filled().await;
        put(&store, "vigie-prod-support-bot-budget-fast", State::Alarm).await;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        let now = "2026-11-22T14:10:00Z".parse().unwrap();
        let refused = acknowledge(&store, "support-bot", "ada", now, &mut io).await.unwrap_err();
        let text = refused.to_string();
        assert!(text.starts_with("`support-bot` has several alarms: "), "{text}");
    }
}

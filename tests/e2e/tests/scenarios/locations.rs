//! One bot, seen from three regions: which failures are a page, and which are a ticket.

mod deployment;

use std::time::{Duration, SystemTime};

use alarm_model::StateValue;
use anyhow::{Context, ensure};
use harness::environment::LocalEnvironment;
use harness::inbox::Mail;
use harness::local_aws::REGION;

use super::list::{FIRST, SOON};
use deployment::{Deployment, ENVIRONMENT, PROBE};

const CUT: &str = "eu-west-3";
const STOPPED: &str = "ap-southeast-2";

/// A page comes at most so long after the first failed run.
const PAGE_WITHIN: Duration = Duration::from_secs(180);
/// From a change of an alarm to its mail.
const MAILED: Duration = Duration::from_secs(60);

/// The network of one location is cut, then the prober of another one stops: tickets that name the location.
/// Two locations are cut: one page that lists what each location saw.
pub(super) async fn agree_before_a_page(env: &LocalEnvironment) -> anyhow::Result<()> {
    let deployment = Deployment::start(env, [CUT, STOPPED]).await?;
    let outcome = follow(env, &deployment).await;
    let removed = deployment.remove().await;
    outcome.and(removed)
}

async fn follow(env: &LocalEnvironment, deployment: &Deployment<'_>) -> anyhow::Result<()> {
    for location in [REGION, CUT, STOPPED] {
        env.until(&format!("results of `{location}`"), FIRST, async || {
            let values = deployment.results(location).await?;
            Ok((3 <= values.len() && values.iter().all(|up| *up > 0.0)).then_some(()))
        })
        .await?;
    }
    ensure!(mails(env).is_empty(), "mails before anything broke: {:?}", subjects(env));
    one_location_is_ticketed(env, deployment).await?;
    ensure!(pages(env) == 0, "a page about a bot that answers: {:?}", subjects(env));
    two_locations_are_paged(env, deployment).await?;
    // A group window, in which a mail about a location would come.
    tokio::time::sleep(Duration::from_secs(10)).await;
    ensure!(mails(env).len() == 6 && pages(env) == 2, "{:?}", subjects(env));
    ensure!(mails(env).iter().all(|mail| mail.defect.is_none()), "{:?}", subjects(env));
    Ok(())
}

/// Mails 1 to 4: one location is cut; it recovers while the prober of another one stops.
async fn one_location_is_ticketed(
    env: &LocalEnvironment,
    deployment: &Deployment<'_>,
) -> anyhow::Result<()> {
    let since = SystemTime::now();
    deployment.cut(CUT, true).await?;
    env.changed(&alarm_of(CUT), StateValue::Alarm, since, SOON).await?;
    let begins = format!("DOWN FROM ONE LOCATION {PROBE}@{CUT} ({ENVIRONMENT}): ");
    mail(env, 1, "tickets", &begins).await?;

    let since = SystemTime::now();
    deployment.cut(CUT, false).await?;
    deployment.stop(STOPPED, true).await?;
    env.changed(&alarm_of(CUT), StateValue::Ok, since, SOON).await?;
    mail(env, 2, "tickets", &format!("OK {PROBE}@{CUT} ")).await?;
    let no_data = Duration::from_secs(360);
    env.changed(&alarm_of(STOPPED), StateValue::InsufficientData, since, no_data).await?;
    let begins =
        format!("NO DATA {PROBE}@{STOPPED} ({ENVIRONMENT}): no results from this location");
    mail(env, 3, "tickets", &begins).await?;

    let since = SystemTime::now();
    deployment.stop(STOPPED, false).await?;
    env.changed(&alarm_of(STOPPED), StateValue::Ok, since, SOON).await?;
    mail(env, 4, "tickets", &format!("OK {PROBE}@{STOPPED} ")).await.map(drop)
}

/// Mails 5 and 6: two locations are cut, and recover.
async fn two_locations_are_paged(
    env: &LocalEnvironment,
    deployment: &Deployment<'_>,
) -> anyhow::Result<()> {
    let since = SystemTime::now();
    for location in [CUT, STOPPED] {
        deployment.cut(location, true).await?;
    }
    env.changed(&alarm(), StateValue::Alarm, since, SOON).await?;
    let begins = format!("DOWN {PROBE} ({ENVIRONMENT}): connection failed");
    let page = mail(env, 5, "notifications", &begins).await?;
    let delay = since.elapsed()?;
    ensure!(delay <= PAGE_WITHIN, "the page came after {delay:?}");
    let seen = page.body.split_once("\nSEEN FROM\n").context("no list of locations")?.1;
    let seen: Vec<_> = seen.lines().take_while(|line| !line.is_empty()).map(words).collect();
    let expected =
        [format!("{REGION} answers correctly"), format!("{CUT} down"), format!("{STOPPED} down")];
    let listed = |line: &String| seen.contains(line);
    ensure!(seen.len() == 3 && expected.iter().all(listed), "{}", page.as_sent());

    let since = SystemTime::now();
    for location in [CUT, STOPPED] {
        deployment.cut(location, false).await?;
    }
    env.changed(&alarm(), StateValue::Ok, since, SOON).await?;
    mail(env, 6, "notifications", &format!("OK {PROBE} ({ENVIRONMENT}): ")).await?;
    for location in [CUT, STOPPED] {
        env.changed(&alarm_of(location), StateValue::Ok, since, SOON).await?;
    }
    Ok(())
}

fn alarm() -> String {
    format!("vigie-{ENVIRONMENT}-{PROBE}-down")
}

/// The alarm of one location.
fn alarm_of(location: &str) -> String {
    format!("{}.{location}", alarm())
}

/// A line with one space between its words.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The pages and tickets about the bot, oldest first; not the weekly report.
fn mails(env: &LocalEnvironment) -> Vec<Mail> {
    let topics = [topic("notifications"), topic("tickets")];
    let is_about = |mail: &Mail| topics.contains(&mail.topic) && mail.subject.contains(PROBE);
    env.inbox.mails().into_iter().filter(is_about).collect()
}

fn topic(name: &str) -> String {
    format!("vigie-{ENVIRONMENT}-{name}")
}

fn subjects(env: &LocalEnvironment) -> Vec<String> {
    mails(env).into_iter().map(|mail| format!("{}: {}", mail.topic, mail.subject)).collect()
}

/// The number of mails of severity page.
fn pages(env: &LocalEnvironment) -> usize {
    mails(env).iter().filter(|mail| mail.topic == topic("notifications")).count()
}

/// Waits for mail number `count` about the bot, which has this topic and beginning of its subject.
async fn mail(
    env: &LocalEnvironment,
    count: usize,
    of: &str,
    begins: &str,
) -> anyhow::Result<Mail> {
    let found = env
        .until(&format!("mail number {count} of `{ENVIRONMENT}`"), MAILED, async || {
            Ok(mails(env).into_iter().nth(count - 1))
        })
        .await;
    let mail = found.with_context(|| format!("{:?}", subjects(env)))?;
    ensure!(mail.topic == topic(of), "sent to `{}`:\n{}", mail.topic, mail.as_sent());
    ensure!(mail.subject.starts_with(begins), "no `{begins}`:\n{}", mail.as_sent());
    Ok(mail)
}

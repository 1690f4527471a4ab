//! `make demo`: a chatbot breaks in three ways and is mended, and Vigie tells.
//!
//! All of it is real but the cloud: the chatbot is a Gradio app, Prometheus is Prometheus, the functions are
//! the release binaries, deployed by SAM CLI from the template that goes to AWS.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use alarm_model::StateValue;
use anyhow::Context;
use e2e::bot::Mood;
use e2e::figures::{Figures, average};
use e2e::inbox::Mail;
use e2e::progress::Progress;
use e2e::run;
use e2e::stage::{ON_CALL, Stage, Wanted};

const PROBE: &str = "demo";
/// The bot at `/`.
const BOT: &str = "bot";
const DOWN: &str = "vigie-local-demo-down";

#[tokio::main]
async fn main() -> ExitCode {
    let progress = Progress::default();
    run::until_done_or_interrupted(&progress, Box::pin(demo(run::root(), &progress))).await
}

async fn demo(root: &Path, progress: &Progress) -> anyhow::Result<()> {
    let wanted = Wanted { name: "demo", probes: None, bots: &[], bot_variable: "DEMO_BOT_URL" };
    let mut stage = Stage::set(root, &wanted, progress).await?;
    let from = SystemTime::now();

    progress.step("watch it hold conversations", conversations(&mut stage, from)).await?;
    progress.note("The chatbot breaks: every message is answered with an error.");
    stage.bot.be(BOT, Mood::Error).await?;
    let reason = progress.step("the alarm rises", state(&mut stage, StateValue::Alarm)).await?;
    progress.block("CloudWatch says", &reason);
    let mail = progress.step("the mail arrives", nth_mail(&mut stage, 1)).await?;
    progress.block("Mail", &mail.as_sent());

    progress.note("Now it hangs: it takes the message and never says a word.");
    stage.bot.be(BOT, Mood::Hang).await?;
    let hanging = &["first_chunk_timeout", "timeout", "stalled"];
    progress.step("hanging is told apart", failure(&mut stage, hanging)).await?;
    progress.note("Now it is gone: nothing listens on its port.");
    stage.bot.go().await;
    progress.step("being gone is told apart", failure(&mut stage, &["connect"])).await?;

    progress.note("The chatbot is mended.");
    stage.bot.come_back().await?;
    let reason = progress.step("the alarm clears", state(&mut stage, StateValue::Ok)).await?;
    progress.block("CloudWatch says", &reason);
    let recovery = progress.step("the recovery mail arrives", nth_mail(&mut stage, 2)).await?;
    progress.block("Mail", &recovery.as_sent());

    progress.step("read back from CloudWatch", cloudwatch(&stage, from)).await?;
    progress.step("read back from Prometheus", prometheus(&mut stage)).await?;
    progress.block("What was shown", &progress.table());
    if std::env::var("KEEP").is_ok_and(|keep| keep == "1") {
        progress.block("Still running, until Ctrl-C", &addresses(&stage));
        std::future::pending::<()>().await;
    }
    Ok(())
}

async fn conversations(stage: &mut Stage, from: SystemTime) -> anyhow::Result<((), String)> {
    // The schedule fires on the minute and plans the one that follows.
    let patience = Duration::from_secs(200);
    let values = stage
        .until("two good conversations in CloudWatch", patience, async |stage| {
            let figures = Figures { client: &stage.cloudwatch, probe: PROBE };
            let values = figures.read("Success", "Minimum", from).await?;
            let good = values.iter().filter(|(_, value)| *value > 0.0).count();
            Ok((good >= 2).then_some(values))
        })
        .await?;
    Ok(((), format!("{} results published by the schedule", values.len())))
}

async fn state(stage: &mut Stage, wanted: StateValue) -> anyhow::Result<(String, String)> {
    let broken = stage.evaluator.changes().len();
    let change = stage
        .until(
            &format!("change of `{DOWN}` to {wanted}"),
            Duration::from_secs(120),
            async |stage| {
                let changes = stage.evaluator.changes();
                let found = changes
                    .iter()
                    .skip(broken)
                    .find(|change| change.alarm == DOWN && change.to == wanted);
                Ok(found.cloned())
            },
        )
        .await?;
    Ok((change.reason, format!("{DOWN}: {} -> {}", change.from, change.to)))
}

/// The mail that is number `count` in the inbox of who is on call.
async fn nth_mail(stage: &mut Stage, count: usize) -> anyhow::Result<(Mail, String)> {
    let mail = stage
        .until("mail", Duration::from_secs(120), async |stage| {
            let mails = stage.inbox.mails();
            Ok(mails.into_iter().filter(|mail| mail.to == ON_CALL).nth(count - 1))
        })
        .await?;
    let shown = mail.subject.clone();
    if let Some(defect) = &mail.defect {
        anyhow::bail!("SNS would not send the mail `{shown}`: {defect}");
    }
    Ok((mail, shown))
}

async fn failure(stage: &mut Stage, reasons: &[&str]) -> anyhow::Result<((), String)> {
    let from = SystemTime::now() - Duration::from_secs(10);
    let reason = stage
        .until(
            &format!("failure for {}", reasons.join(" or ")),
            Duration::from_secs(90),
            async |stage| {
                let figures = Figures { client: &stage.cloudwatch, probe: PROBE };
                for reason in reasons {
                    if figures.failures(reason, from).await? > 0 {
                        return Ok(Some((*reason).to_owned()));
                    }
                }
                Ok(None)
            },
        )
        .await?;
    Ok(((), format!("reason `{reason}` in CloudWatch")))
}

async fn cloudwatch(stage: &Stage, from: SystemTime) -> anyhow::Result<((), String)> {
    let figures = Figures { client: &stage.cloudwatch, probe: PROBE };
    let success = figures.read("Success", "Average", from).await?;
    let availability = average(&success).context("no `Success` in CloudWatch")?;
    let first_chunk = figures.read("TimeToFirstChunk", "Average", from).await?;
    let first_chunk = average(&first_chunk).context("no `TimeToFirstChunk` in CloudWatch")?;
    let runs = success.len();
    let shown = format!(
        "availability {:.0} % of {runs} runs, first chunk after {:.0} ms",
        availability * 100.0,
        first_chunk * 1000.0
    );
    Ok(((), shown))
}

async fn prometheus(stage: &mut Stage) -> anyhow::Result<((), String)> {
    let mut shown = Vec::new();
    // The first `up` comes from the probe's own scrape, the second from Prometheus itself.
    for query in [
        r#"up{job="gradio_chatbot",location!=""} == 1"#,
        r#"up{job="gradio_chatbot",location=""} == 1"#,
        r#"probe_success{probe="demo"} == 1"#,
        r#"probe_turn_first_chunk_seconds{probe="demo",turn="1"} > 0"#,
    ] {
        let value = stage
            .until(query, Duration::from_secs(60), async |stage| {
                let found = stage.prometheus.query(query).await?;
                Ok(found.first().map(e2e::prometheus::Found::value))
            })
            .await?;
        shown.push(format!("{query}: {value}"));
    }
    Ok(((), shown.join("; ")))
}

fn addresses(stage: &Stage) -> String {
    format!(
        "chatbot      {}\nPrometheus   {}\ninbox        http://{}\nAWS          {}\nlogs         {}",
        stage.bot.url(),
        stage.prometheus.url,
        stage.inbox.address,
        stage.aws.endpoint,
        stage.state.join("logs").display(),
    )
}

//! `make demo`: a chatbot breaks in three ways and recovers, and Vigie reports it.
//!
//! Only AWS is emulated: the chatbot is a Gradio app, Prometheus is the real one, and SAM CLI deploys the
//! functions from the template for AWS.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use alarm_model::StateValue;
use anyhow::Context;
use deploy::progress::Progress;
use deploy::run;
use harness::bot::Mood;
use harness::environment::{LocalEnvironment, Options};
use harness::inbox::Mail;
use harness::metrics::average;

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
    let options = Options {
        name: "demo",
        probes: None,
        bots: &[],
        bot_variable: "DEMO_BOT_URL",
        faults: false,
    };
    let mut env = LocalEnvironment::start(root, &options, progress).await?;
    let from = SystemTime::now();

    progress.step("hold conversations", conversations(&env, from)).await?;
    progress.note("The chatbot breaks: every message is answered with an error.");
    env.bot.set_mood(BOT, Mood::Error).await?;
    let reason = progress.step("the alarm rises", changed(&env, StateValue::Alarm)).await?;
    progress.block("CloudWatch says", &reason);
    let alarm = progress.step("the mail arrives", mail(&env, 1)).await?;
    progress.block("Mail", &alarm.as_sent());

    progress.note("Now it hangs: it accepts the message and never answers.");
    env.bot.set_mood(BOT, Mood::Hang).await?;
    let hanging = &["first_chunk_timeout", "timeout", "stalled"];
    progress.step("hanging is recognised", failure(&env, hanging)).await?;
    progress.note("Now it is gone: nothing listens on its port.");
    env.bot.stop().await;
    progress.step("being unreachable is recognised", failure(&env, &["connect"])).await?;

    progress.note("The chatbot recovers.");
    env.bot.restart().await?;
    let reason = progress.step("the alarm clears", changed(&env, StateValue::Ok)).await?;
    progress.block("CloudWatch says", &reason);
    let recovery = progress.step("the recovery mail arrives", mail(&env, 2)).await?;
    progress.block("Mail", &recovery.as_sent());

    progress.step("read back from CloudWatch", cloudwatch(&env, from)).await?;
    progress.step("read back from Prometheus", prometheus(&env)).await?;
    progress.block("What was shown", &progress.table());
    if std::env::var("KEEP").is_ok_and(|keep| keep == "1") {
        progress.block("Still running, until Ctrl-C", &addresses(&env));
        std::future::pending::<()>().await;
    }
    Ok(())
}

async fn conversations(env: &LocalEnvironment, from: SystemTime) -> anyhow::Result<((), String)> {
    // The schedule fires at the next full minute and plans the one after it: this saves one minute.
    env.dispatch().await?;
    let timeout = Duration::from_secs(200);
    let good = env
        .until("two good conversations in CloudWatch", timeout, async || {
            let values = env.metrics(PROBE).read("Success", "Minimum", from).await?;
            let good = values.iter().filter(|(_, value)| *value > 0.0).count();
            Ok((good >= 2).then_some(good))
        })
        .await?;
    Ok(((), format!("{good} good ones, as the schedule planned them")))
}

async fn changed(env: &LocalEnvironment, to: StateValue) -> anyhow::Result<(String, String)> {
    let timeout = Duration::from_secs(120);
    let change = env.changed(DOWN, to, SystemTime::now(), timeout).await?;
    Ok((change.reason, format!("{DOWN}: {} -> {}", change.from, change.to)))
}

async fn mail(env: &LocalEnvironment, count: usize) -> anyhow::Result<(Mail, String)> {
    let mail = env.mail_about(PROBE, count).await?;
    let shown = mail.subject.clone();
    Ok((mail, shown))
}

async fn failure(env: &LocalEnvironment, reasons: &[&str]) -> anyhow::Result<((), String)> {
    let from = SystemTime::now() - Duration::from_secs(10);
    let what = format!("failure for {}", reasons.join(" or "));
    let reason = env
        .until(&what, Duration::from_secs(90), async || {
            for reason in reasons {
                if env.metrics(PROBE).failures(reason, from).await? > 0 {
                    return Ok(Some((*reason).to_owned()));
                }
            }
            Ok(None)
        })
        .await?;
    Ok(((), format!("reason `{reason}` in CloudWatch")))
}

async fn cloudwatch(env: &LocalEnvironment, from: SystemTime) -> anyhow::Result<((), String)> {
    let metrics = env.metrics(PROBE);
    let success = metrics.read("Success", "Average", from).await?;
    let availability = average(&success).context("no `Success` in CloudWatch")?;
    let first_chunk = metrics.read("TimeToFirstChunk", "Average", from).await?;
    let first_chunk = average(&first_chunk).context("no `TimeToFirstChunk` in CloudWatch")?;
    let runs = success.len();
    let shown = format!(
        "availability {:.0} % of {runs} runs, first chunk after {:.0} ms",
        availability * 100.0,
        first_chunk * 1000.0
    );
    Ok(((), shown))
}

async fn prometheus(env: &LocalEnvironment) -> anyhow::Result<((), String)> {
    let mut shown = Vec::new();
    // The first `up` comes from the probe's own scrape, the second from Prometheus itself.
    for query in [
        r#"up{job="gradio_chatbot",location!=""} == 1"#,
        r#"up{job="gradio_chatbot",location=""} == 1"#,
        r#"probe_success{probe="demo"} == 1"#,
        r#"probe_turn_first_chunk_seconds{probe="demo",turn="1"} > 0"#,
    ] {
        let value = env
            .until(query, Duration::from_secs(60), async || {
                let found = env.prometheus.query(query).await?;
                Ok(found.first().map(harness::prometheus::Found::value))
            })
            .await?;
        shown.push(format!("{query}: {value}"));
    }
    Ok(((), shown.join("; ")))
}

fn addresses(env: &LocalEnvironment) -> String {
    format!(
        "chatbot      {}\nPrometheus   {}\ninbox        http://{}\nAWS          {}\nlogs         {}",
        env.bot.url(),
        env.prometheus.url,
        env.inbox.address,
        env.aws.endpoint,
        env.state.join("logs").display(),
    )
}

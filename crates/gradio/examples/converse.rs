//! Runs one conversation and prints its description and times as one line of JSON.
//!
//! ```text
//! cargo run --example converse -- URL [--login USER:PASSWORD] [--ca FILE] [--endpoint NAME] [--no-proxy] [--no-page]
//!     [--timeout SECONDS] [--input NAME=JSON]… [--discover] SAY…
//! ```

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use gradio::{Client, ClientBuilder, Limits, Proxy, Reply, Session, TurnTiming};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let (builder, says, discover) = arguments()?;
    let client = builder.build()?;
    let until_connect = began.elapsed();
    // In a spawned task, as in a service: the runtime polls the system less often than for its root
    // task.
    let outcome = tokio::spawn(run(client, says, discover)).await?;
    let mut report = outcome.unwrap_or_else(|error| json!({ "error": shown(&error) }));
    report["until_connect_seconds"] = until_connect.as_secs_f64().into();
    report["wall_seconds"] = began.elapsed().as_secs_f64().into();
    report["cpu_seconds"] = cpu_seconds().into();
    report["peak_kib"] = peak_kib().into();
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

async fn run(client: Client, says: Vec<String>, discover: bool) -> Result<Value, gradio::Error> {
    if discover {
        let found = client.discover().await?;
        return Ok(json!({ "discovered": format!("{found:#?}") }));
    }
    let mut turns = Vec::new();
    let mut failed = None;
    let mut report = converse(&client, &says, &mut turns, &mut failed).await?;
    report["turns"] = turns.into();
    report["error"] = failed.unwrap_or_default();
    Ok(report)
}

async fn converse(
    client: &Client,
    says: &[String],
    turns: &mut Vec<Value>,
    failed: &mut Option<Value>,
) -> Result<Value, gradio::Error> {
    let mut session = client.connect().await?;
    for said in says {
        let sent_at = unix_seconds();
        match session.say(said, &mut |_| {}).await {
            Ok(reply) => turns.push(turn(said, sent_at, &reply)),
            Err(error) => {
                *failed = Some(shown(&error));
                break;
            }
        }
    }
    Ok(described(&session))
}

fn described(session: &Session) -> Value {
    let (found, phases) = (session.description(), session.phases());
    json!({
        "gradio": found.gradio_version, "protocol": found.protocol.name(), "how": found.how.word(),
        "endpoint": found.endpoint_name, "function": found.endpoint_id, "steps": found.steps,
        "queued": found.queued, "streams": found.streams,
        "inputs": found.inputs.iter().map(|input| json!({
            "name": input.name, "label": input.label, "kind": input.kind, "value": input.value,
        })).collect::<Vec<_>>(),
        "phases": {
            "dns": ms(phases.dns), "connect": ms(phases.connect), "tls": ms(phases.tls),
            "describe": ms(phases.describe), "login": ms(phases.login),
            "certificate_end": phases.certificate_end.and_then(|end| {
                Some(end.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
            }),
        },
    })
}

fn turn(said: &str, sent_at: f64, reply: &Reply) -> Value {
    json!({
        "said": said, "sent_at": sent_at, "text": reply.text, "timing": timing(&reply.timing),
        "thinking": reply.thinking.iter().map(|one| json!([one.title, one.text, one.status])).collect::<Vec<_>>(),
        "parts": reply.parts.iter().map(|part| json!([part.kind, part.name])).collect::<Vec<_>>(),
    })
}

fn timing(timing: &TurnTiming) -> Value {
    json!({
        "queue": ms(timing.queue), "position": timing.queue_position, "cold": timing.cold,
        "first_chunk": ms(timing.first_chunk), "first_text": ms(timing.first_text),
        "reply": ms(timing.reply), "chunks": timing.chunks.len(),
        "server": ms(timing.server_processing), "server_first": ms(timing.server_first_chunk),
    })
}

fn shown(error: &gradio::Error) -> Value {
    let partial = error
        .partial()
        .map(|partial| json!({ "text": partial.text, "timing": timing(&partial.timing) }));
    json!({ "failure": error.failure().word(), "prose": error.prose(), "partial": partial })
}

/// Milliseconds with three decimals, or null.
fn ms(duration: Option<Duration>) -> Value {
    duration.map_or(Value::Null, |one| ((one.as_secs_f64() * 1e6).round() / 1e3).into())
}

fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64())
}

/// User and system time of all threads of this process; `None` without /proc.
fn cpu_seconds() -> Option<f64> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let nanoseconds = threads.map(|thread| {
        let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<f64>().ok()
    });
    Some(nanoseconds.sum::<Option<f64>>()? / 1e9)
}

fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn arguments() -> Result<(ClientBuilder, Vec<String>, bool), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("usage: converse URL [options] SAY…")?;
    let mut builder = Client::builder(url);
    let (mut says, mut discover) = (Vec::new(), false);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("`{argument}` needs a value"));
        builder = match argument.as_str() {
            "--login" => {
                let pair = value()?;
                let (user, password) = pair.split_once(':').ok_or("expected USER:PASSWORD")?;
                builder.login(user, password)
            }
            "--ca" => builder.ca_file(value()?),
            "--endpoint" => builder.endpoint(value()?.parse()?),
            "--input" => {
                let pair = value()?;
                let (name, json) = pair.split_once('=').ok_or("expected NAME=JSON")?;
                builder.input(name, serde_json::from_str::<Value>(json)?)
            }
            "--timeout" => {
                let conversation = Duration::try_from_secs_f64(value()?.parse()?)?;
                builder.limits(Limits { conversation, ..Limits::default() })
            }
            "--no-page" => builder.check_page(false),
            "--message" => builder.message_box(value()?),
            "--reply" => builder.reply_output(value()?),
            "--no-proxy" => builder.proxy(Proxy::None),
            "--discover" => {
                discover = true;
                builder
            }
            _ => {
                says.push(argument);
                builder
            }
        };
    }
    Ok((builder, says, discover))
}

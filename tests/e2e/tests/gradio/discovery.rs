//! What `vigie discover` prints about an app, and the starter probe that it writes.

use std::fs;

use anyhow::{Context, ensure};
use gradio::How;
use serde_json::{Value, json};

use crate::apps::{Bot, expect};
use crate::shape::{Shape, USERNAME};
use crate::vigie::Done;

async fn discover(bot: &Bot<'_>, more: &[&str]) -> anyhow::Result<Done> {
    let login: &[&str] = if bot.shape == Shape::Login { &["--username", USERNAME] } else { &[] };
    bot.vigie(&[&["discover", &bot.url], login, more].concat()).await
}

pub(super) async fn as_text(bot: &Bot<'_>) -> anyhow::Result<()> {
    if bot.shape == Shape::Login {
        let refused = bot.vigie(&["discover", &bot.url]).await?;
        refused.ended_with(1)?;
        ensure!(refused.err.contains("✗ auth"), "the reason is missing: {}", refused.err);
    }
    let done = discover(bot, &[]).await?;
    done.ended_with(0)?;
    let (shape, version) = (bot.shape, &bot.version);
    let way = match shape.how() {
        How::Api => "ChatInterface, through its API",
        How::Chain => "text box and chatbot, as a browser uses them",
        How::Plain => "function from text to text",
    };
    let number = if shape == Shape::Plain { "function 1" } else { "function 0" };
    let endpoint = shape.endpoint(version).unwrap_or(number);
    let app = format!("{}\n  Gradio {} · {}", bot.url, version.number, version.protocol);
    let chat = format!("\n● {endpoint} {way} (used)\n");
    let label = shape.message_label(version);
    let label = label.map(|label| format!("message box \"{label}\" · ")).unwrap_or_default();
    let message = format!("\n  {label}reply in ");
    done.contains_all([app.as_str(), &chat, &message, " · queued"])?;
    if let Some(streams) = streams(bot) {
        done.contains_all([if streams { "reply in chunks" } else { "reply in one piece" }])?;
    }
    if shape == Shape::Multimodal {
        done.contains_all(["accepts files"])?;
    }
    match shape {
        _ if !shape.is_public(version) => done.contains_all(["not in the app's API"]),
        Shape::Inputs => {
            done.contains_all([": textbox, default \"Be kind.\"", ": slider, default 0.7"])
        }
        _ => Ok(()),
    }
}

pub(super) async fn as_json(bot: &Bot<'_>) -> anyhow::Result<()> {
    if bot.shape == Shape::Login {
        let refused = bot.vigie(&["discover", &bot.url, "--output", "json"]).await?;
        refused.ended_with(1)?;
        let failure = refused.json()?.into_iter().next().context("no JSON was printed")?;
        expect("why there is no chat", &failure["failure"], &json!("auth"))?;
    }
    let done = discover(bot, &["--output", "json"]).await?;
    done.ended_with(0)?;
    let found = done.json()?.into_iter().next().context("no JSON was printed")?;
    let (shape, version) = (bot.shape, &bot.version);
    expect("the address", &found["url"], &json!(bot.url))?;
    expect("the version", &found["gradio_version"], &json!(version.number))?;
    expect("the protocol", &found["protocol"], &json!(version.protocol))?;
    let chat = &found["chats"][0];
    expect("the endpoint", &chat["endpoint"], &json!(shape.endpoint(version)))?;
    expect("the way", &chat["how"], &json!(shape.how().word()))?;
    expect("the message's label", &chat["message_label"], &json!(shape.message_label(version)))?;
    expect("whether it is public", &chat["public"], &json!(shape.is_public(version)))?;
    expect("whether it takes files", &chat["multimodal"], &json!(shape == Shape::Multimodal))?;
    expect("whether it is queued", &chat["queued"], &json!(true))?;
    expect("whether it streams", &chat["streams"], &json!(streams(bot)))?;
    let steps = chat["steps"].as_array().map_or(0, Vec::len);
    ensure!(steps >= shape.least_steps(), "a turn has only {steps} steps");
    expect("the inputs", &without_names(chat["inputs"].clone()), &shape.further_inputs())
}

/// Whether it streams, for the versions that report it.
fn streams(bot: &Bot<'_>) -> Option<bool> {
    ((4, 19) <= bot.version.release()).then(|| bot.shape.streams())
}

/// Parameter names are Gradio's, and differ from version to version.
fn without_names(mut inputs: Value) -> Value {
    for input in inputs.as_array_mut().into_iter().flatten() {
        input.as_object_mut().map(|input| input.remove("name"));
    }
    inputs
}

/// The starter probe is up as written, and with its commented lines enabled.
pub(super) async fn starter(bot: &Bot<'_>) -> anyhow::Result<()> {
    let file = bot.file("starter.yaml")?;
    let written = discover(bot, &["--write", &file]).await?;
    written.ended_with(0)?;
    ensure!(written.err.contains(&format!("wrote {file}")), "missing: {}", written.err);
    up(bot, &file).await?;

    let starter = fs::read_to_string(&file)?;
    let mut offered = starter.replace("  # endpoint:", "  endpoint:");
    if bot.shape.remembers() {
        offered = offered.replace("  # - say:", "  - say:").replace("  #   expect:", "    expect:");
    }
    if bot.shape == Shape::Inputs {
        offered = offered.replace("  # inputs:", "  inputs:").replace("  #   \"", "    \"");
    }
    ensure!(offered != starter, "nothing is offered in\n{starter}");
    let file = bot.file("offered.yaml")?;
    fs::write(&file, offered)?;
    up(bot, &file).await
}

async fn up(bot: &Bot<'_>, file: &str) -> anyhow::Result<()> {
    let done = bot.vigie(&["run", file]).await?;
    done.ended_with(0)?;
    done.contains_all([" up after ", "✓ min_length 1"])
}

/// Gradio 3.0 is not supported, so the run has no verdict.
pub(super) async fn not_spoken(bot: &Bot<'_>) -> anyhow::Result<()> {
    let refused = bot.vigie(&["discover", &bot.url]).await?;
    refused.ended_with(2)?;
    let reason = "✗ unsupported Gradio 3.0 is not supported";
    ensure!(refused.err.contains(reason), "missing: {}", refused.err);
    let run = bot.vigie(&["run", &bot.probe("old", "hello")?]).await?;
    run.ended_with(2)?;
    run.contains_all(["could not run", "Gradio 3.0 is not supported"])
}

//! Conversations of the crate `gradio` without the command.

use std::time::Duration;

use anyhow::Context;
use gradio::{Client, ClientBuilder, Failure, Limits, Proxy};
use serde_json::json;

use crate::apps::{Bot, expect};
use crate::shape::{PASSWORD, Shape, USERNAME};

fn client(bot: &Bot<'_>) -> ClientBuilder {
    let limits = Limits { conversation: Duration::from_secs(60), ..Limits::default() };
    let builder = Client::builder(&bot.url).proxy(Proxy::None).limits(limits);
    if bot.shape == Shape::Login { builder.login(USERNAME, PASSWORD) } else { builder }
}

/// The app remembers the first turn in the second one, but not in another conversation.
pub(super) async fn memory(bot: &Bot<'_>) -> anyhow::Result<()> {
    let client = client(bot).build()?;
    let mut session = client.connect().await?;
    expect("the chat", &session.description().how, &bot.shape.how())?;
    let first = session.say("hello, my name is Ada", &mut |_| {}).await?;
    expect("the reply", &first.text.as_str(), &"I heard you say: hello, my name is Ada")?;
    expect("whether it streams", &(first.timing.chunks.len() > 1), &bot.shape.streams())?;
    expect("that there is a queue time", &first.timing.queue.is_some(), &true)?;
    expect(
        "whether the processing time of the server is known",
        &first.timing.server_processing.is_some(),
        &true,
    )?;
    let second = session.say("what is my name?", &mut |_| {}).await?;
    expect("the memory", &second.text.as_str(), &"Your name is Ada.")?;
    let other = client.connect().await?.say("what is my name?", &mut |_| {}).await?;
    expect("the reply of another conversation", &other.text.as_str(), &"You did not tell me.")
}

/// Text in, text out: the app has no memory and answers each turn.
pub(super) async fn turns(bot: &Bot<'_>) -> anyhow::Result<()> {
    let mut session = client(bot).build()?.connect().await?;
    expect("the chat", &session.description().how, &bot.shape.how())?;
    for said in ["hello, my name is Ada", "good bye"] {
        let reply = session.say(said, &mut |_| {}).await?;
        expect("the reply", &reply.text, &format!("I heard you say: {said}"))?;
    }
    let reply = session.say("what is my name?", &mut |_| {}).await?;
    expect("the reply", &reply.text.as_str(), &"You did not tell me.")
}

/// An error, also after chunks, is an app error, and the conversation continues.
pub(super) async fn errors(bot: &Bot<'_>) -> anyhow::Result<()> {
    let mut session = client(bot).build()?.connect().await?;
    session.say("my name is Ada", &mut |_| {}).await?;
    let failed = session.say("please fail", &mut |_| {}).await;
    let error = failed.err().context("no error was seen")?;
    expect("the error", &error.failure(), &Failure::AppError)?;
    expect("its prose", &error.prose(), &"the app reported `the model is overloaded`")?;
    // The page of a chat interface of Gradio 6 leaves its message box locked after an error.
    let locks = bot.shape.is_interface() && bot.version.release() >= (6, 0);
    if locks {
        let locked = session.say("hello", &mut |_| {}).await;
        let error = locked.err().context("the message box is not locked")?;
        expect("the error with a locked box", &error.failure(), &Failure::Page)?;
        session = client(bot).build()?.connect().await?;
    }
    let broken = session.say("break off now or never", &mut |_| {}).await;
    let error = broken.err().context("no error was seen in the middle")?;
    expect("the later error", &error.failure(), &Failure::AppError)?;
    let partial = error.partial().map(|partial| partial.text.as_str());
    expect("what was seen before it", &partial, &Some("I heard you say:"))?;
    if locks {
        return Ok(());
    }
    let reply = session.say("what is my name?", &mut |_| {}).await?;
    expect("the memory after errors", &reply.text.as_str(), &"Your name is Ada.")
}

pub(super) async fn inputs(bot: &Bot<'_>) -> anyhow::Result<()> {
    for name in ["Temperature", "temperature"] {
        let given = client(bot).input(name, json!(0.1)).build()?;
        let reply = given.connect().await?.say("hello", &mut |_| {}).await?;
        expect("the inputs", &reply.text.as_str(), &"inputs: ('Be kind.', 0.1)")?;
    }
    let defaults = client(bot).build()?.connect().await?.say("hello", &mut |_| {}).await?;
    expect("the defaults", &defaults.text.as_str(), &"inputs: ('Be kind.', 0.7)")?;
    let unknown = client(bot).input("Tone", json!(1)).build()?.connect().await;
    let failure = unknown.err().map(|error| error.failure());
    expect("an unknown input", &failure, &Some(Failure::Settings))
}

pub(super) async fn refused(bot: &Bot<'_>) -> anyhow::Result<()> {
    let builders = [Client::builder(&bot.url), Client::builder(&bot.url).login(USERNAME, "wrong")];
    for builder in builders {
        let refused = builder.proxy(Proxy::None).build()?.connect().await;
        let failure = refused.err().map(|error| error.failure());
        expect("a log-in", &failure, &Some(Failure::Auth))?;
    }
    Ok(())
}

/// Some of several concurrent messages are rejected because the queue is full.
pub(super) async fn full_queue(bot: &Bot<'_>) -> anyhow::Result<()> {
    let client = client(bot).build()?;
    let converse = || async {
        let mut session = client.connect().await?;
        session.say("hello", &mut |_| {}).await
    };
    let outcomes = futures_util::future::join_all((0..5).map(|_| converse())).await;
    let turned_away = outcomes.iter().filter_map(|one| one.as_ref().err());
    let turned_away: Vec<_> = turned_away.map(gradio::Error::failure).collect();
    expect("that some succeed", &outcomes.iter().any(Result::is_ok), &true)?;
    expect("that some are turned away", &turned_away.is_empty(), &false)?;
    expect("why", &turned_away, &vec![Failure::QueueFull; turned_away.len()])
}

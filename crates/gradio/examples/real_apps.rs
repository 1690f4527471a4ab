//! Holds conversations with real Gradio servers in every shape, and says whether all was as it
//! should be.
//!
//! ```text
//! cargo run --example real_apps -- PYTHON [SHAPE…]
//! ```
//!
//! PYTHON is the interpreter of an environment with some Gradio from 3.40 on. One line for each
//! shape; ends with 1 if one of them failed.

use std::error::Error;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use gradio::{Client, ClientBuilder, Failure, How, Limits, Proxy};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const SHAPES: [&str; 8] =
    ["stream", "once", "chain", "multimodal", "inputs", "login", "mounted", "busy"];

/// A server of ours, which ends with it.
struct App {
    process: Child,
    url: String,
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let python = arguments.next().ok_or("usage: real_apps PYTHON [SHAPE…]")?;
    let named: Vec<String> = arguments.collect();
    let shapes: Vec<&str> =
        if named.is_empty() { SHAPES.to_vec() } else { named.iter().map(String::as_str).collect() };
    let mut code = ExitCode::SUCCESS;
    for shape in shapes {
        let outcome = visit(&python, shape).await;
        let mut out = std::io::stdout();
        match outcome {
            Ok(version) => writeln!(out, "{version} {shape}: ok")?,
            Err(error) => {
                writeln!(out, "{shape}: FAILED, {error}")?;
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// Gives the version when all was as it should be. Some versions end themselves when a busy machine
/// does not let them reach their own page in time; those get another chance.
async fn visit(python: &str, shape: &str) -> Outcome<String> {
    let mut starts = 0;
    loop {
        starts += 1;
        let (outcome, ended) = match App::start(python, shape).await {
            Err(error) => (Err(error), true),
            Ok((mut app, version)) => {
                let outcome = check(&app, shape).await.map(|()| version);
                (outcome, app.process.try_wait()?.is_some())
            }
        };
        if outcome.is_ok() || !ended || starts == 3 {
            return outcome;
        }
    }
}

impl App {
    /// Starts it and waits until it describes itself, or asks for a log-in.
    async fn start(python: &str, shape: &str) -> Outcome<(Self, String)> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shapes.py");
        let process = Command::new(python)
            .arg(script)
            .args([shape, &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let path = if shape == "mounted" { "/my/bot" } else { "" };
        let mut app = Self { process, url: format!("http://127.0.0.1:{port}{path}") };
        for _ in 0..240 {
            match app.client(shape).build()?.connect().await {
                Ok(session) => return Ok((app, session.description().gradio_version.clone())),
                Err(error) if error.failure() != Failure::Connect => return Err(error.into()),
                Err(_) => {}
            }
            if let Some(status) = app.process.try_wait()? {
                return Err(format!("the app ended with {status}").into());
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Err("the app did not start within a minute".into())
    }

    fn client(&self, shape: &str) -> ClientBuilder {
        let limits = Limits { conversation: Duration::from_secs(60), ..Limits::default() };
        let builder = Client::builder(&self.url).proxy(Proxy::None).limits(limits);
        if shape == "login" { builder.login("ada", "secret") } else { builder }
    }
}

async fn check(app: &App, shape: &str) -> Outcome {
    match shape {
        "inputs" => inputs(app).await,
        "busy" => busy(app).await,
        "login" => {
            refused(app).await?;
            memory(app, shape).await
        }
        "stream" | "chain" => {
            memory(app, shape).await?;
            errors(app, shape).await
        }
        _ => memory(app, shape).await,
    }
}

/// What was said in the first turn is known in the second, and to nobody else.
async fn memory(app: &App, shape: &str) -> Outcome {
    let client = app.client(shape).build()?;
    let mut session = client.connect().await?;
    let how = if shape == "chain" { How::Chain } else { How::Api };
    expect("the chat", session.description().how, how)?;
    let first = session.say("hello, my name is Ada", &mut |_| {}).await?;
    expect("the reply", first.text.as_str(), "I heard you say: hello, my name is Ada")?;
    expect("whether it streams", first.timing.chunks.len() > 1, shape != "once")?;
    expect("a queue time", first.timing.queue.is_some(), true)?;
    expect("the server's time", first.timing.server_processing.is_some(), true)?;
    let second = session.say("what is my name?", &mut |_| {}).await?;
    expect("the memory", second.text.as_str(), "Your name is Ada.")?;
    let stranger = client.connect().await?.say("what is my name?", &mut |_| {}).await?;
    expect("a stranger's reply", stranger.text.as_str(), "You did not tell me.")
}

/// An error is one of the app's, also after chunks, and the conversation goes on.
async fn errors(app: &App, shape: &str) -> Outcome {
    let mut session = app.client(shape).build()?.connect().await?;
    session.say("my name is Ada", &mut |_| {}).await?;
    let failed = session.say("please fail", &mut |_| {}).await;
    let error = failed.err().ok_or("no error was seen")?;
    expect("the error", error.failure(), Failure::AppError)?;
    expect("its prose", error.prose(), "the app reported `the model is overloaded`")?;
    let broken = session.say("break off now or never", &mut |_| {}).await;
    let error = broken.err().ok_or("no error was seen")?;
    expect("the later error", error.failure(), Failure::AppError)?;
    let partial = error.partial().map(|partial| partial.text.as_str());
    expect("what was seen before it", partial, Some("I heard you say:"))?;
    let reply = session.say("what is my name?", &mut |_| {}).await?;
    expect("the memory after errors", reply.text.as_str(), "Your name is Ada.")
}

async fn inputs(app: &App) -> Outcome {
    let given = app.client("inputs").input("Temperature", json!(0.1)).build()?;
    let mut session = given.connect().await?;
    let reply = session.say("hello", &mut |_| {}).await?;
    expect("the inputs", reply.text.as_str(), "inputs: ('Be kind.', 0.1)")?;
    let unknown = app.client("inputs").input("Tone", json!(1)).build()?.connect().await;
    let failure = unknown.err().map(|error| error.failure());
    expect("an unknown input", failure, Some(Failure::Settings))
}

async fn refused(app: &App) -> Outcome {
    for builder in [Client::builder(&app.url), Client::builder(&app.url).login("ada", "wrong")] {
        let refused = builder.proxy(Proxy::None).build()?.connect().await;
        expect("a log-in", refused.err().map(|error| error.failure()), Some(Failure::Auth))?;
    }
    Ok(())
}

/// One answer at a time, one more may wait: of several that come at once some are turned away.
async fn busy(app: &App) -> Outcome {
    let client = app.client("busy").build()?;
    let visit = || async {
        let mut session = client.connect().await?;
        session.say("hello", &mut |_| {}).await
    };
    let outcomes = futures_util::future::join_all((0..5).map(|_| visit())).await;
    let full = outcomes.iter().filter_map(|one| one.as_ref().err());
    let full: Vec<_> = full.map(gradio::Error::failure).collect();
    expect("that some succeed", outcomes.iter().any(Result::is_ok), true)?;
    expect("that some are turned away", full.is_empty(), false)?;
    expect("why", full.iter().all(|failure| *failure == Failure::QueueFull), true)
}

#[expect(clippy::needless_pass_by_value, reason = "the calls read better")]
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, expected: T) -> Outcome {
    if seen == expected {
        return Ok(());
    }
    Err(format!("{what} is {seen:?}, expected {expected:?}").into())
}

//! `vigie discover`: shows the chat of a Gradio app and writes a probe file for it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use domain::{TargetUrl, USER_AGENT};
use gradio::{Candidate, Client, Discovery, EndpointChoice, Input, Limits};
use serde_json::{Value, json};

use crate::output::pretty::seconds;
use crate::output::visible;
use crate::starter::{self, probe_name, quoted};
use crate::style::{BOLD, DIM, ERROR, GOOD};
use crate::{Exit, Io};

/// Show the chat of a Gradio app and how Vigie uses it.
///
/// The exit code is 0 if the app has a chat, and 1 if it has none or is not reachable.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie discover https://chat.example.com
  vigie discover http://127.0.0.1:7860 --write probes/my-bot.yaml
  VIGIE_PASSWORD=… vigie discover https://chat.example.com --username probe --output json
  vigie discover https://chat.example.com --header 'Cookie: session=…' --endpoint /chat")]
pub struct Arguments {
    /// Address of the app.
    url: TargetUrl,
    /// Write a probe file for the chat. An existing file is not overwritten.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// User name for the app's login page. The password is read from `VIGIE_PASSWORD`.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    #[arg(long, env = "VIGIE_PASSWORD", hide_env_values = true, hide = true)]
    password: Option<String>,
    /// Bearer token, such as the token of a private Hugging Face Space. Prefer `VIGIE_BEARER` to the option.
    #[arg(long, env = "VIGIE_BEARER", hide_env_values = true, value_name = "TOKEN")]
    bearer: Option<String>,
    /// Header of every request, such as `Cookie: session=…`. Can be repeated.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Endpoint to use: its API name or the number of its function.
    #[arg(long, value_name = "ENDPOINT")]
    endpoint: Option<String>,
    /// Time limit, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

fn header(text: &str) -> Result<(String, String), InvalidHeader> {
    let (name, value) = text.split_once(':').ok_or(InvalidHeader)?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

// The text may hold a secret, so the error does not repeat it.
#[derive(Debug, thiserror::Error)]
#[error("expected `NAME: VALUE`, such as `Accept-Language: fr`")]
struct InvalidHeader;

pub(crate) async fn discover(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let client = client(arguments)?;
    let discovery = match client.discover().await {
        Ok(discovery) => discovery,
        Err(error) => {
            let (word, prose) = (error.failure().word(), visible(error.prose(), 400));
            if arguments.output == Output::Json {
                let refused = json!({ "url": arguments.url.without_secrets(), "failure": word, "detail": error.prose() });
                writeln!(io.out, "{refused:#}")?;
            }
            writeln!(io.err, "{ERROR}✗ {word}{ERROR:#} {prose}")?;
            return Ok(if error.failure().is_client_fault() { Exit::Failed } else { Exit::Down });
        }
    };
    match arguments.output {
        Output::Text => text(&arguments.url.without_secrets(), &discovery, io)?,
        Output::Json => {
            writeln!(io.out, "{:#}", as_json(&arguments.url.without_secrets(), &discovery))?;
        }
    }
    let Some(best) = discovery.candidates.first() else { return Ok(Exit::Down) };
    if let Some(path) = &arguments.write {
        write(path, arguments, &discovery, best)?;
        writeln!(io.err, "wrote {0}\nnext: vigie run {0}", path.display())?;
    }
    Ok(Exit::Success)
}

fn client(arguments: &Arguments) -> anyhow::Result<Client> {
    let conversation = Duration::from_secs(arguments.timeout);
    let mut builder = Client::builder(arguments.url.as_url().as_str())
        .user_agent(USER_AGENT)
        .limits(Limits { conversation, ..Limits::default() });
    if let Some(username) = &arguments.username {
        let password = arguments.password.as_deref();
        builder = builder.login(
            username,
            password.context("`--username` needs the password in `VIGIE_PASSWORD`")?,
        );
    }
    if let Some(token) = &arguments.bearer {
        builder = builder.bearer(token);
    }
    for (name, value) in &arguments.headers {
        builder = builder.header(name, value);
    }
    if let Some(endpoint) = &arguments.endpoint {
        let Ok(endpoint) = endpoint.parse::<EndpointChoice>();
        builder = builder.endpoint(endpoint);
    }
    Ok(builder.build()?)
}

fn text(url: &str, discovery: &Discovery, io: &mut Io<'_>) -> anyhow::Result<()> {
    let title = discovery.title.as_deref().map(|title| format!(" · {}", visible(title, 80)));
    let space = discovery.space_id.as_deref().map(|id| format!(" · Space {}", visible(id, 80)));
    writeln!(
        io.out,
        "{BOLD}{}{BOLD:#}\n  Gradio {} · {}{}{} · {} functions",
        visible(url, 200),
        version(&discovery.gradio_version),
        discovery.protocol.name(),
        title.unwrap_or_default(),
        space.unwrap_or_default(),
        discovery.functions,
    )?;
    let phases = &discovery.phases;
    let times = [
        ("dns", phases.dns),
        ("connect", phases.connect),
        ("tls", phases.tls),
        ("login", phases.login),
        ("describe", phases.describe),
        ("page", phases.page),
    ];
    let times: Vec<String> = times
        .into_iter()
        .filter_map(|(name, time)| Some(format!("{name} {}", seconds(time?))))
        .collect();
    writeln!(io.out, "  {DIM}{}{DIM:#}", times.join(" · "))?;
    if discovery.candidates.is_empty() {
        writeln!(
            io.out,
            "\n{ERROR}✗ no chat found{ERROR:#}: no function of the app takes a message and returns a reply"
        )?;
    }
    for (index, candidate) in discovery.candidates.iter().enumerate() {
        one_candidate(index, candidate, io)?;
    }
    for warning in &discovery.warnings {
        writeln!(io.out, "\n{ERROR}!{ERROR:#} {}", visible(warning, 300))?;
    }
    Ok(())
}

fn one_candidate(index: usize, candidate: &Candidate, io: &mut Io<'_>) -> anyhow::Result<()> {
    let description = &candidate.description;
    let how = match description.how {
        gradio::How::Api => "ChatInterface, through its API",
        gradio::How::Chain => "text box and chatbot, as a browser uses them",
        gradio::How::Plain => "function from text to text",
    };
    let tone = if index == 0 { GOOD } else { DIM };
    let used = if index == 0 { "used" } else { "not used" };
    writeln!(io.out, "\n{tone}● {}{tone:#} {how} {DIM}({used}){DIM:#}", endpoint(candidate))?;
    let mut notes = Vec::new();
    if let Some(label) = &candidate.message_label {
        notes.push(format!("message box \"{}\"", visible(label, 60)));
    }
    if !description.replies.is_empty() {
        let replies = description.replies.iter().map(|(label, kind)| match label {
            Some(label) => format!("{} \"{}\"", visible(kind, 30), visible(label, 60)),
            None => visible(kind, 30),
        });
        notes.push(format!("reply in {}", replies.collect::<Vec<_>>().join(", ")));
    }
    notes.push(if description.queued { "queued" } else { "not queued" }.to_owned());
    match description.streams {
        Some(true) => notes.push("reply in chunks".to_owned()),
        Some(false) => notes.push("reply in one piece".to_owned()),
        None => {}
    }
    if description.multimodal {
        notes.push("accepts files".to_owned());
    }
    if !candidate.public {
        notes.push("not in the app's API".to_owned());
    }
    writeln!(io.out, "  {}", notes.join(" · "))?;
    for input in &description.inputs {
        let name = input_name(input).unwrap_or("(unnamed)");
        let (name, kind) = (visible(name, 60), visible(&input.kind, 30));
        let default = visible(&input.default.to_string(), 80);
        writeln!(io.out, "  input {BOLD}{name}{BOLD:#}: {kind}, default {default}")?;
    }
    Ok(())
}

fn version(version: &str) -> String {
    if version.is_empty() { "of unknown version".to_owned() } else { visible(version, 40) }
}

/// `/chat`, or the number of an endpoint without a name.
fn endpoint(candidate: &Candidate) -> String {
    match &candidate.description.endpoint_name {
        Some(name) => format!("/{}", visible(name, 80)),
        None => format!("function {}", candidate.description.endpoint_id),
    }
}

fn input_name(input: &Input) -> Option<&str> {
    input.name.as_deref().or(input.label.as_deref())
}

fn as_json(url: &str, discovery: &Discovery) -> Value {
    let time = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let candidate = |candidate: &Candidate| {
        let description = &candidate.description;
        let input = |input: &Input| json!({ "name": input.name, "label": input.label, "kind": input.kind, "default": input.default });
        json!({
            "endpoint": description.endpoint_name.as_ref().map(|name| format!("/{name}")),
            "endpoint_id": description.endpoint_id,
            "how": description.how.word(),
            "steps": description.steps,
            "public": candidate.public,
            "message_label": candidate.message_label,
            "multimodal": description.multimodal,
            "queued": description.queued,
            "streams": description.streams,
            "inputs": description.inputs.iter().map(input).collect::<Vec<_>>(),
        })
    };
    let phases = &discovery.phases;
    json!({
        "url": url,
        "warnings": discovery.warnings,
        "gradio_version": discovery.gradio_version,
        "protocol": discovery.protocol.name(),
        "title": discovery.title,
        "space_id": discovery.space_id,
        "functions": discovery.functions,
        "chats": discovery.candidates.iter().map(candidate).collect::<Vec<_>>(),
        "phases": {
            "dns_seconds": time(phases.dns),
            "connect_seconds": time(phases.connect),
            "tls_seconds": time(phases.tls),
            "login_seconds": time(phases.login),
            "describe_seconds": time(phases.describe),
        },
    })
}

/// Writes a probe file. The text is checked like any probe file before it is written.
fn write(
    path: &Path,
    arguments: &Arguments,
    discovery: &Discovery,
    best: &Candidate,
) -> anyhow::Result<()> {
    let shown = path.display();
    let text = probe_text(arguments, discovery, best);
    ensure!(
        probe_file::parse(&text, &shown.to_string()).is_ok(),
        "could not generate a valid probe file from the app's description"
    );
    // The archive of the command has no folder for probes.
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| OpenOptions::new().write(true).create_new(true).open(path))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("could not write `{shown}`"))
}

fn probe_text(arguments: &Arguments, discovery: &Discovery, best: &Candidate) -> String {
    let name =
        arguments.write.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy());
    let name = probe_name(name.as_deref().unwrap_or_default());
    let mut lines = vec![
        format!("probe: {}", quoted(&name)),
        "every: 5m                      # 10s, 20s, 30s, or whole minutes up to 1d".to_owned(),
        "timeout: 60s                   # limit of a run, including retries".to_owned(),
        "target:".to_owned(),
        format!("  url: {}", quoted(&arguments.url.without_credentials())),
    ];
    lines.extend(auth_line(arguments));
    let chosen = best.description.endpoint_name.as_ref().map(|name| quoted(&format!("/{name}")));
    let chosen = chosen.unwrap_or_else(|| best.description.endpoint_id.to_string());
    lines.push(if arguments.endpoint.is_some() {
        format!("  endpoint: {chosen}")
    } else {
        format!("  # endpoint: {chosen}   # found automatically")
    });
    let inputs: Vec<&Input> =
        best.description.inputs.iter().filter(|input| input_name(input).is_some()).collect();
    if !inputs.is_empty() {
        lines.push("  # inputs:                      # the app's defaults".to_owned());
        for input in inputs {
            let name = quoted(input_name(input).unwrap_or_default());
            lines.push(format!("  #   {name}: {}", comment(&input.default)));
        }
    }
    let app =
        format!("Gradio {}, {}", version(&discovery.gradio_version), discovery.protocol.name());
    lines.extend([
        "objectives: { first_chunk: 5s, reply: 30s }".to_owned(),
        format!("# {app}"),
        starter::CONVERSATION.trim_end().to_owned(),
        "alarm: { down: 2 of 3, degraded: 3 of 5, severity: ticket }".to_owned(),
    ]);
    lines.join("\n") + "\n"
}

/// The credentials of the command line, as variables: a probe file holds no secrets.
fn auth_line(arguments: &Arguments) -> Option<String> {
    let mut entries = Vec::new();
    if let Some(username) = &arguments.username {
        entries.push(format!("username: {}", quoted(username)));
        entries.push("password: \"${VIGIE_PASSWORD}\"".to_owned());
    }
    if arguments.bearer.is_some() {
        entries.push("bearer: \"${VIGIE_BEARER}\"".to_owned());
    }
    let header = |(name, _): &(String, String)| {
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let variable: String = name.chars().map(upper).collect();
        format!("{}: \"${{VIGIE_HEADER_{variable}}}\"", quoted(name))
    };
    let headers: Vec<String> = arguments.headers.iter().map(header).collect();
    if !headers.is_empty() {
        entries.push(format!("headers: {{ {} }}", headers.join(", ")));
    }
    (!entries.is_empty()).then(|| {
        format!("  auth: {{ {} }}   # in production: ${{secret:ID#key}}", entries.join(", "))
    })
}

/// A default value as a comment on one line.
fn comment(value: &Value) -> String {
    visible(&value.to_string(), 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_a_name_and_a_value() {
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        let cases = [
            ("Cookie: a=b:c", pair("Cookie", "a=b:c")),
            ("X-Key:k", pair("X-Key", "k")),
            ("Cookie", None),
        ];
        for (text, expected) in cases {
            assert_eq!(header(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn text_of_the_app_stays_within_its_quotes() {
        let evil = "\"\nevery: 1s # ${secret:x}";
        let text = format!(
            "probe: bot\nevery: 1m\ntarget: {{ url: \"http://x\", inputs: {{ {}: 1, y: {} }} }}\nconversation: [ {{ say: hi }} ]\n",
            quoted(evil),
            quoted(evil)
        );
        let probe = probe_file::parse(&text, "x.yaml").unwrap();
        assert_eq!(probe.every, Duration::from_secs(60));
        assert_eq!(comment(&Value::from("a\nb")), "\"a\\nb\"");
    }
}

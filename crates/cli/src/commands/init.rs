//! `vigie init`: writes a first probe file, and settings, a systemd unit and a Compose file of `vigie serve`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use domain::TargetUrl;

use crate::{Exit, Io, starter};

const UNIT: &str = include_str!("../../../../packaging/systemd/vigie.service");

/// Write a first probe file, and settings, a systemd unit and a Compose file for `vigie serve`.
///
/// Existing files are not overwritten.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie init https://chat.example.com
  vigie init https://chat.example.com --folder /etc/vigie")]
pub struct Arguments {
    /// Address of the app.
    url: TargetUrl,
    /// Folder for the files. It is created if needed.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

pub(crate) fn init(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let probes = arguments.folder.join("probes");
    fs::create_dir_all(&probes)
        .with_context(|| format!("could not create `{}`", probes.display()))?;
    let name = starter::probe_name(arguments.url.as_url().host_str().unwrap_or_default());
    let probe = probes.join(format!("{name}.yaml"));
    let settings = arguments.folder.join("vigie.toml");
    let unit = arguments.folder.join("vigie.service");
    let compose = arguments.folder.join("compose.yaml");
    let absolute = fs::canonicalize(&arguments.folder)
        .with_context(|| format!("could not resolve `{}`", arguments.folder.display()))?;
    let program = std::env::current_exe().context("could not find the path of this program")?;
    let files = [
        (&probe, starter::probe_file(&arguments.url)),
        (&settings, SETTINGS.to_owned()),
        (&unit, service(&program, &absolute)),
        (&compose, compose_file()),
    ];
    for (path, text) in files {
        create(path, &text)?;
        writeln!(io.out, "wrote {}", path.display())?;
    }
    writeln!(
        io.err,
        "next: vigie run {}\n      vigie serve {} --config {}",
        probe.display(),
        probes.display(),
        settings.display()
    )?;
    Ok(Exit::Success)
}

fn create(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("could not write `{}`", path.display());
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(path).with_context(failed)?;
    file.write_all(text.as_bytes()).with_context(failed)
}

/// The systemd unit of the release, for the files in `folder`. They may be in a home folder.
fn service(program: &Path, folder: &Path) -> String {
    let start = format!(
        "ExecStart=\"{}\" serve \"{}\" --config \"{}\"",
        program.display(),
        folder.join("probes").display(),
        folder.join("vigie.toml").display()
    );
    let mut unit = String::new();
    for line in UNIT.lines() {
        let line = match line.split_once('=') {
            Some(("ExecStart", _)) => &start,
            Some(("ProtectHome", _)) => "ProtectHome=read-only",
            _ if line.starts_with("# Runs the probes") => "# `vigie serve` as a service.",
            _ => line,
        };
        unit.push_str(line);
        unit.push('\n');
    }
    unit
}

/// The Compose file. The image of the release runs `vigie serve` as a user without rights.
fn compose_file() -> String {
    format!(
        "\
# `vigie serve` in a container, instead of the systemd unit: docker compose up -d
# The page has no encryption: a reverse proxy adds it. Put VIGIE_TOKEN, VIGIE_SMTP_PASSWORD and variables of receivers
# into .env, one NAME=VALUE a line.
services:
  vigie:
    image: ${{VIGIE_IMAGE:-vigie:{version}}}
    command: [serve, /probes, --config, /vigie.toml, --listen, \"0.0.0.0:9517\"]
    environment:
      VIGIE_TOKEN: ${{VIGIE_TOKEN:?set VIGIE_TOKEN in .env}}
    env_file: [{{ path: .env, required: false }}]
    volumes:
      - ./probes:/probes:ro
      - ./vigie.toml:/vigie.toml:ro
      - history:/data
    ports: [\"127.0.0.1:9517:9517\"]
    read_only: true
    cap_drop: [ALL]
    security_opt: [\"no-new-privileges:true\"]
    restart: unless-stopped

volumes:
  history:
",
        version = env!("CARGO_PKG_VERSION")
    )
}

/// The settings of `vigie serve`, with examples of those that have no default.
pub(crate) const SETTINGS: &str = "\
# Settings of `vigie serve`.
title = \"Chatbots\"
retention = \"90d\"
# language = \"en\"                          # en or fr; the browser's language if left out
# address = \"https://status.example.com\"   # for the feed and for links in mails

# [mail]
# server = \"mail.example.com:587\"
# tls = \"starttls\"                         # starttls, tls (port 465) or none
# user = \"vigie\"                           # the password is in VIGIE_SMTP_PASSWORD
# from = \"Vigie <vigie@example.com>\"
# to = [\"oncall@example.com\"]

# [notifications]
# remind_every = \"4h\"
# weekly_mail = true                       # on Mondays: the availability of each probe
# time_zone = \"Europe/Paris\"               # the machine's if left out

# [[receivers]]                            # see docs/receivers.md
# name = \"on-call\"
# type = \"pagerduty\"
# routing_key = \"${PAGERDUTY_KEY}\"         # an environment variable
";

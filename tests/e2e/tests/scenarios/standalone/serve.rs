//! `vigie serve` with a real chatbot and a real mail server: outage, mail, page, a killed process in between, recovery.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use deploy::process::{Processes, Running};
use deploy::run;
use harness::bot::{Bot, Mood};
use harness::net::free_port;
use harness::python::{GRADIO, SMTP};
use libtest_mimic::Completion;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde::Deserialize;
use tokio::process::Command;

const PASSWORD: &str = "canary-mail-4711";
/// An outage takes two runs with 10 s between them.
const TIMEOUT: Duration = Duration::from_secs(150);
const POLL: Duration = Duration::from_millis(250);

/// A mail as the server stored it.
#[derive(Debug, Deserialize)]
struct StoredMail {
    to: Vec<String>,
    subject: String,
    text: String,
    tls: bool,
}

/// The folder of the test with everything that runs.
struct Setting {
    folder: PathBuf,
    processes: Processes,
    http: reqwest::Client,
    address: String,
}

pub(super) async fn check() -> anyhow::Result<Completion> {
    let root = run::root();
    let folder = root.join("target/serve");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let (processes, _) = Processes::open(&folder.join("processes"), &folder.join("logs"))?;
    for environment in [GRADIO, SMTP] {
        environment.install(root, &processes).await?;
    }
    let bot = Bot::start(root, &[], &processes).await?;
    let port = free_port()?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let setting = Setting { folder, processes, http, address };
    let _mail_server = setting.mail_server(root, port)?;
    setting.write_files(&bot.url(), port)?;
    let serve = setting.serve(root)?;
    setting.until("the bot is up", async || setting.state().await == Some("up".into())).await?;

    bot.set_mood("bot", Mood::Error).await?;
    setting.until("the outage is mailed", async || setting.mails().len() == 1).await?;
    let mail = setting.mails().remove(0);
    ensure!(mail.tls && mail.to == ["oncall@example.com"], "{mail:?}");
    ensure!(mail.subject.contains("DOWN") && mail.subject.contains("bot"), "{mail:?}");
    for link in mail.text.split_whitespace().filter(|word| word.starts_with("http://")) {
        let status = setting.http.get(link).send().await?.status();
        ensure!(status.is_success(), "`{link}` of the mail answers {status}");
    }
    let page = setting.get("/").await?;
    ensure!(page.contains("bot is down"), "the page does not show the incident: {page}");

    // SIGKILL: nothing is stored at the end.
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(serve.id()).context("no process id")?,
        rustix::process::Signal::KILL,
    )?;
    drop(serve);
    let _serve = setting.serve(root)?;
    let before = setting.runs().await.unwrap_or_default();
    let more = async || setting.runs().await.is_some_and(|runs| before + 2 <= runs);
    setting.until("two runs after the restart", more).await?;
    ensure!(setting.mails().len() == 1, "the outage was mailed again: {:?}", setting.mails());

    bot.set_mood("bot", Mood::Ok).await?;
    setting.until("the recovery is mailed", async || setting.mails().len() == 2).await?;
    let mail = setting.mails().remove(1);
    ensure!(mail.subject.contains("OK"), "{mail:?}");
    let page = setting.get("/incidents").await?;
    ensure!(page.contains("bot was down") && page.contains("resolved"), "{page}");
    for log in ["serve", "mail-server"] {
        let text = fs::read_to_string(setting.processes.log(log)).unwrap_or_default();
        ensure!(!text.contains(PASSWORD), "the log of {log} contains the password");
    }
    Ok(Completion::Completed)
}

impl Setting {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn mail_server(&self, root: &Path, port: u16) -> anyhow::Result<Running> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()])?;
        fs::write(self.path("cert.pem"), cert.pem())?;
        fs::write(self.path("key.pem"), signing_key.serialize_pem())?;
        let mut command = Command::new(SMTP.program(root, "python"));
        command
            .arg(root.join("tests/apps/mail_server.py"))
            .args(["--port", &port.to_string()])
            .arg("--certificate")
            .arg(self.path("cert.pem"))
            .arg("--key")
            .arg(self.path("key.pem"))
            .arg("--mails")
            .arg(self.path("mails.jsonl"))
            .env("MAIL_PASSWORD", PASSWORD);
        Ok(self.processes.start("mail-server", &mut command)?)
    }

    fn write_files(&self, bot: &str, mail_port: u16) -> anyhow::Result<()> {
        fs::create_dir_all(self.path("probes"))?;
        let probe = format!(
            "probe: bot\nevery: 10s\ntimeout: 5s\nretry: {{ attempts: 0 }}\nalarm: {{ down: 2 of 2 }}\n\
             target: {{ url: \"{bot}\" }}\n\
             conversation:\n  - say: My name is Ada.\n    expect: [ {{ contains: Ada }} ]\n"
        );
        fs::write(self.path("probes/bot.yaml"), probe)?;
        let settings = format!(
            "address = \"http://{}\"\nlanguage = \"en\"\n[mail]\nserver = \"localhost:{mail_port}\"\ntls = \"starttls\"\n\
             user = \"vigie\"\nfrom = \"Vigie <vigie@example.com>\"\nto = [\"oncall@example.com\"]\nca_file = \"{}\"\n",
            self.address,
            self.path("cert.pem").display()
        );
        Ok(fs::write(self.path("vigie.toml"), settings)?)
    }

    fn serve(&self, root: &Path) -> anyhow::Result<Running> {
        let mut command = Command::new(root.join("target/debug/vigie"));
        command
            .arg("serve")
            .arg(self.path("probes"))
            .args(["--listen", &self.address, "--data"])
            .arg(self.path("data"))
            .arg("--config")
            .arg(self.path("vigie.toml"))
            .env("VIGIE_SMTP_PASSWORD", PASSWORD)
            .env("VIGIE_LOG", "info")
            .env_remove("VIGIE_TOKEN");
        Ok(self.processes.start("serve", &mut command)?)
    }

    fn mails(&self) -> Vec<StoredMail> {
        let text = fs::read_to_string(self.path("mails.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    async fn get(&self, path: &str) -> anyhow::Result<String> {
        let response = self.http.get(format!("http://{}{path}", self.address)).send().await?;
        Ok(response.error_for_status()?.text().await?)
    }

    async fn probe(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.get("/api/v1/probes/bot").await.ok()?).ok()
    }

    async fn state(&self) -> Option<String> {
        Some(self.probe().await?["state"].as_str()?.to_owned())
    }

    async fn runs(&self) -> Option<usize> {
        Some(self.probe().await?["runs"].as_array()?.len())
    }

    async fn until(&self, what: &str, is_done: impl AsyncFn() -> bool) -> anyhow::Result<()> {
        let done = async {
            while !is_done().await {
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(TIMEOUT, done).await.is_err() {
            let log = self.processes.log("serve");
            bail!("timed out: {what}\n{}", deploy::process::tail(&log, 30));
        }
        Ok(())
    }
}

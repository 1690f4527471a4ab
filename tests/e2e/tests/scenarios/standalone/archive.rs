//! A release archive is deployed to the local AWS on a machine without a compiler.
//!
//! The machine is a PATH with `vigie` and Python only. The archive is made from the functions of the emulator's build;
//! `ARCHIVE=dist/vigie-….tar.gz` deploys one of `make release`. Both durations are printed.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use deploy::build::{Architecture, Build};
use deploy::checkout::Checkout;
use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::python::SAM;
use deploy::run;
use harness::bot::Bot;
use harness::command;
use harness::local_aws::{LocalAws, aws_variables};
use harness::python::{EMULATOR, GRADIO};
use libtest_mimic::Completion;
use testkit::runbook::Runbook;
use tokio::process::Command;

/// From the unpacked archive to the first verdict.
const LIMIT: Duration = Duration::from_mins(3);

/// Programs that a machine without a compiler does not have.
const ABSENT: [&str; 5] = ["cargo", "rustc", "zig", "cmake", "cc"];

pub(super) async fn check() -> anyhow::Result<Completion> {
    let root = run::root();
    let state = root.join("target/archive");
    let _ = fs::remove_dir_all(&state);
    fs::create_dir_all(&state)?;
    let (processes, _) = Processes::open(&state.join("processes"), &state.join("logs"))?;
    let archive = unpack(root, &state, &processes).await?;
    EMULATOR.install(root, &processes).await?;
    GRADIO.install(root, &processes).await?;
    let aws = LocalAws::start(root, &state, false, &processes).await?;
    let bot = Bot::start(root, &[], &processes).await?;
    let machine = Machine::new(root, &state, archive, &aws, &processes).await?;

    let started = Instant::now();
    machine.commands("packaging/archive/README-aws.md", &bot.url()).await?;
    let took = started.elapsed();
    report("commands of README-aws.md, with two deployments", took);
    ensure!(took < LIMIT, "the commands took {} s", took.as_secs());

    let probe = machine.folder.join("probes/my-bot.yaml");
    let changed = format!("{}labels: {{ team: chat }}\n", fs::read_to_string(&probe)?);
    fs::write(&probe, changed)?;
    let started = Instant::now();
    let rendered = machine.run("vigie", &["render"]).await?;
    ensure!(rendered.status.success(), "vigie render\n{}", text(&rendered));
    let deployed = machine.run("vigie", &["deploy", "dev"]).await?;
    report("changed probe to verdict", started.elapsed());
    ensure!(deployed.status.success(), "vigie deploy\n{}", text(&deployed));
    ensure!(text(&deployed).contains("my-bot up"), "no verdict\n{}", text(&deployed));

    machine.commands("packaging/archive/README-linux.md", &bot.url()).await?;
    machine.commands("README.md", &bot.url()).await?;

    let removed = machine.run("vigie", &["remove", "dev", "--yes"]).await?;
    ensure!(removed.status.success(), "vigie remove\n{}", text(&removed));
    Ok(Completion::Completed)
}

/// The folder of the unpacked archive.
async fn unpack(root: &Path, state: &Path, processes: &Processes) -> anyhow::Result<PathBuf> {
    let file = if let Some(file) = std::env::var_os("ARCHIVE") {
        root.join(file)
    } else {
        SAM.install(root, processes).await?;
        let build = Build::for_emulator();
        let checkout = Checkout { root, processes };
        checkout.build_functions(build, &Progress::default()).await?;
        let entries = release::aws::entries(root, &build.folder(root), Architecture::HOST)?;
        let file = state.join("archive.tar.gz");
        fs::write(&file, release::pack::tar_gz("vigie-aws", &entries)?)?;
        file
    };
    let unpacked = state.join("unpacked");
    fs::create_dir(&unpacked)?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--gzip", "--file"]).arg(file).arg("--directory").arg(&unpacked);
    processes.run("tar", &mut tar).await?;
    let mut folders = fs::read_dir(&unpacked)?;
    Ok(folders.next().context("the archive is empty")??.path())
}

/// A machine with `vigie` and Python, and the credentials of the local AWS.
struct Machine {
    folder: PathBuf,
    path: OsString,
    variables: Vec<(&'static str, String)>,
}

impl Machine {
    async fn new(
        root: &Path,
        state: &Path,
        folder: PathBuf,
        aws: &LocalAws,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let programs = state.join("programs");
        fs::create_dir(&programs)?;
        let vigie = command::build(root, processes).await?;
        symlink(&vigie, programs.join("vigie"))?;
        // The archive of the command has it in its own folder.
        symlink(&vigie, folder.join("vigie"))?;
        symlink(which("sh").context("no `sh`")?, programs.join("sh"))?;
        let print = ["-c", "import sys; print(sys.executable)"];
        let python = Command::new("python3").args(print).output().await?;
        let python = String::from_utf8(python.stdout)?;
        symlink(python.trim(), programs.join("python3"))?;
        for name in ABSENT {
            ensure!(!programs.join(name).exists(), "`{name}` is on the PATH");
        }
        // SAM CLI of the first deployment, for `sam deploy`.
        let path = std::env::join_paths([programs, folder.join(".venv/sam/bin")])?;
        let variables = aws_variables(&aws.endpoint).into();
        Ok(Self { folder, path, variables })
    }

    /// Runs the blocks `<!-- run: archive -->` of a page for the bot at `url`.
    async fn commands(&self, page: &str, url: &str) -> anyhow::Result<()> {
        let page = Runbook::read(page);
        let blocks: Vec<&str> = page.commands("archive").collect();
        ensure!(!blocks.is_empty(), "no commands");
        for block in blocks {
            // `discover` does not replace a file.
            if block.contains("discover") {
                let _ = fs::remove_file(self.folder.join("probes/my-bot.yaml"));
            }
            let commands = block.replace("https://chat.example.com", url);
            let output = self.run("sh", &["-euc", &commands]).await?;
            ensure!(output.status.success(), "{commands}\n{}", text(&output));
        }
        Ok(())
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<Output> {
        let found = std::env::split_paths(&self.path).map(|folder| folder.join(program));
        let mut found = found;
        let found = found.find(|file| file.exists());
        let mut command = Command::new(found.with_context(|| format!("no `{program}`"))?);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .kill_on_drop(true);
        command.output().await.with_context(|| format!("`{program}` could not be started"))
    }
}

fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[expect(clippy::print_stderr, reason = "the duration is a result of the test")]
fn report(what: &str, took: Duration) {
    eprintln!("{what}: {:.0} s", took.as_secs_f64());
}

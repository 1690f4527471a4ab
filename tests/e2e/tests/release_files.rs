//! The files that `make release` wrote to `dist/` work: image, wheel, archive of the command, checksums.
//!
//! Without the files, the tests are ignored.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use deploy::build::Architecture;
use deploy::process::Processes;
use deploy::python::SAM;
use deploy::run;
use harness::net::{free_port, wait_until_it_answers};
use harness::packages;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use release::{VERSION, wheel};
use tokio::process::Command;

const START: Duration = Duration::from_secs(20);
/// Size of the image, at most.
const IMAGE_BYTES: u64 = 20_000_000;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trial = |name: &str, check: fn(&Dist) -> anyhow::Result<()>| {
        Trial::ignorable_test(name, move || match Dist::find() {
            Some(dist) => match check(&dist) {
                Ok(()) => Ok(Completion::Completed),
                Err(error) => Err(Failed::from(format!("{error:#}"))),
            },
            None => Ok(Completion::ignored_with(packages::skip("run `make release` first")?)),
        })
    };
    let trials = vec![
        trial("checksums_match_the_files", checksums),
        trial("image_is_small_and_answers_without_a_system", |dist| block_on(image(dist))),
        trial("wheel_installs_the_command", |dist| block_on(python(dist))),
        trial("archive_of_the_command_has_its_files", |dist| block_on(command(dist))),
        trial("cdk_app_includes_the_archive", |dist| block_on(cdk(dist))),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(work)
}

/// The folder of the release files, and an empty one for tests.
struct Dist {
    folder: PathBuf,
}

impl Dist {
    fn find() -> Option<Self> {
        let folder = run::root().join("dist");
        folder.join("SHA256SUMS").exists().then_some(Self { folder })
    }

    /// The file of this machine's architecture.
    fn file(&self, kind: &str, extension: &str) -> PathBuf {
        let architecture = Architecture::HOST.as_str();
        self.folder.join(format!("vigie-{VERSION}-{kind}-{architecture}.{extension}"))
    }
}

/// An empty folder for one test.
fn empty(name: &str) -> anyhow::Result<PathBuf> {
    let folder = run::root().join("target/release-test").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

async fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output().await.context("could not be started")?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}\n{text}", output.status);
    Ok(text.into_owned())
}

async fn extract(archive: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut tar = Command::new("tar");
    output(tar.args(["--extract", "--file"]).arg(archive).arg("--directory").arg(folder)).await?;
    Ok(())
}

fn checksums(dist: &Dist) -> anyhow::Result<()> {
    let sums = fs::read_to_string(dist.folder.join("SHA256SUMS"))?;
    ensure!(sums.lines().count() >= 6, "only {} files", sums.lines().count());
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").context("a line without a name")?;
        let found = release::pack::sha256(&fs::read(dist.folder.join(name))?);
        ensure!(sum == found, "{name} has the checksum {found}");
    }
    Ok(())
}

/// Unpacks the layer of the image and starts the program in it, with nothing else in its file system.
async fn image(dist: &Dist) -> anyhow::Result<()> {
    let image = dist.file("oci", "tar");
    let bytes = fs::metadata(&image)?.len();
    ensure!(bytes <= IMAGE_BYTES, "the image has {bytes} bytes");
    let folder = empty("image")?;
    extract(&image, &folder).await?;
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("manifest.json"))?)?;
    let layer = manifest[0]["Layers"][0].as_str().context("no layer")?;
    let root = folder.join("root");
    fs::create_dir(&root)?;
    extract(&folder.join(layer), &root).await?;
    fs::create_dir(root.join("probes"))?;
    let probe = "probe: bot\nevery: 1h\ntarget: { url: http://127.0.0.1:9 }\nconversation: [ { say: hi } ]\n";
    fs::write(root.join("probes/bot.yaml"), probe)?;

    let (processes, _) = Processes::open(&folder.join("processes"), &folder.join("logs"))?;
    let port = free_port()?;
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--root"]).arg(&root).arg("/vigie");
    unshare.args(["serve", "/probes", "--listen", &format!("127.0.0.1:{port}")]).env_clear();
    unshare.env("VIGIE_DATA", "/data");
    ensure!(root.join("data").is_dir(), "the image has no folder for the history");
    if let Some(path) = std::env::var_os("PATH") {
        unshare.env("PATH", path);
    }
    let running = processes.start("vigie", &mut unshare)?;
    let url = format!("http://127.0.0.1:{port}/-/healthy");
    wait_until_it_answers(&url, &running, START).await
}

async fn python(dist: &Dist) -> anyhow::Result<()> {
    let folder = empty("wheel")?;
    let environment = folder.join("environment");
    output(Command::new("python3").args(["-m", "venv"]).arg(&environment)).await?;
    let wheel = dist.folder.join(wheel::file_name(Architecture::HOST));
    let mut pip = Command::new(environment.join("bin/pip"));
    output(pip.args(["install", "--quiet", "--no-index"]).arg(wheel)).await?;
    let version = output(Command::new(environment.join("bin/vigie")).arg("--version")).await?;
    ensure!(version.contains(VERSION), "{version}");
    for file in ["man/man1/vigie.1", "bash-completion/completions/vigie"] {
        ensure!(environment.join("share").join(file).is_file(), "no {file}");
    }
    Ok(())
}

async fn command(dist: &Dist) -> anyhow::Result<()> {
    let folder = empty("linux")?;
    let archive = dist.file("linux", "tar.gz");
    extract(&archive, &folder).await?;
    let name = format!("vigie-{VERSION}-linux-{}", Architecture::HOST.as_str());
    let folder = folder.join(name);
    let files = ["man/vigie.1", "man/vigie-run.1", "completions/_vigie", "systemd/vigie.service"];
    for file in files.into_iter().chain(["LICENSE", "README.md"]) {
        ensure!(folder.join(file).is_file(), "no {file}");
    }
    let version = output(Command::new(folder.join("vigie")).arg("--version")).await?;
    ensure!(version.contains(VERSION), "{version}");
    let program = fs::read(folder.join("vigie"))?;
    let root = run::root().to_str().context("the checkout's path is not UTF-8")?;
    ensure!(!contains(&program, root.as_bytes()), "the program contains the path `{root}`");
    Ok(())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Synthesizes the example with the archive and lints its template as CloudFormation sees it.
async fn cdk(dist: &Dist) -> anyhow::Result<()> {
    let folder = empty("cdk")?;
    extract(&dist.file("aws", "tar.gz"), &folder).await?;
    let name = format!("vigie-{VERSION}-aws-{}", Architecture::HOST.as_str());
    let app = folder.join("app");
    let example = run::root().join("examples/cdk");
    output(Command::new("cp").arg("-R").arg(&example).arg(&app)).await?;
    output(Command::new("npm").args(["ci", "--ignore-scripts"]).current_dir(&app)).await?;
    let context = format!("archive=../{name}");
    let mut synth = Command::new("node_modules/.bin/cdk");
    synth.args(["synth", "--quiet", "--context", &context]).current_dir(&app);
    output(&mut synth).await?;
    let (processes, _) = Processes::open(&folder.join("processes"), &folder.join("logs"))?;
    SAM.install(run::root(), &processes).await?;
    let mut lint = Command::new(SAM.program(run::root(), "python"));
    lint.arg("tests/emulator/lint_transformed.py").current_dir(run::root());
    output(lint.arg(app.join("cdk.out/vigie-prod.template.json"))).await?;
    Ok(())
}

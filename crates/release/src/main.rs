//! `make release`: builds the files of a release into `dist/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Parser;
use deploy::build::{Architecture, Build, FUNCTIONS};
use deploy::checkout::Checkout;
use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::python::{BUILD_TOOLS, SAM};
use deploy::run;
use release::programs::Libc;
use release::{VERSION, aws, changelog, linux, oci, pack, programs, sbom, wheel};

/// The JSON Schema of probe files; its `$id` names this file.
const SCHEMA: &str = "vigie-probe.schema.json";

/// Build the files of a release: archives, image, wheel, SBOM and checksums.
#[derive(Parser)]
struct Arguments {
    /// Processor to build for, `x86_64` or `arm64`. Repeat it for both. That of this machine by default.
    #[arg(long = "architecture", value_name = "NAME")]
    architectures: Vec<String>,
    /// C library of the command. `gnu` is for tests on a machine without Rust's musl target.
    #[arg(long, value_enum, default_value = "musl")]
    libc: Libc,
    /// Build only the files of the command, without the functions and their archive.
    #[arg(long)]
    command_only: bool,
    /// Folder for the files.
    #[arg(long, default_value = "dist")]
    output: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let progress = Progress::default();
    run::until_done_or_interrupted(&progress, Box::pin(release(arguments, &progress))).await
}

async fn release(arguments: Arguments, progress: &Progress) -> anyhow::Result<()> {
    let root = run::root();
    let state = root.join("target/release-files");
    let (processes, _) = Processes::open(&state.join("processes"), &state.join("logs"))?;
    let notes = changelog::notes(&fs::read_to_string(root.join("CHANGELOG.md"))?)?;
    let mut architectures = Vec::new();
    for name in &arguments.architectures {
        architectures.push(architecture(name)?);
    }
    if architectures.is_empty() {
        architectures.push(Architecture::HOST);
    }
    let install = async {
        for environment in [SAM, BUILD_TOOLS] {
            environment.install(root, &processes).await?;
        }
        Ok::<_, anyhow::Error>(((), "cargo-lambda, cargo-zigbuild, zig"))
    };
    progress.step("install the tools", install).await?;
    let output = root.join(&arguments.output);
    fs::create_dir_all(&output)?;
    let mut files = Files { output, checksums: BTreeMap::new() };
    files.write("release-notes.md", notes.as_bytes())?;
    let release = Release { root, libc: arguments.libc, processes: &processes, progress };
    for architecture in architectures {
        release.command(architecture, &mut files).await?;
        let mut parts = vec!["cli"];
        if !arguments.command_only {
            release.functions(architecture, &mut files).await?;
            parts.extend(FUNCTIONS);
        }
        let triple = programs::triple(architecture, arguments.libc);
        let name = format!("vigie-{VERSION}-{}.cdx.json", architecture.as_str());
        files.write(&name, sbom::sbom(root, &parts, triple)?.as_bytes())?;
    }
    let vigie = root.join("target/debug/vigie");
    let schema = tokio::process::Command::new(vigie).arg("schema").output().await;
    let schema = schema.context("`vigie schema`")?;
    ensure!(schema.status.success(), "`vigie schema` ended with {}", schema.status);
    files.write(SCHEMA, &schema.stdout)?;
    let sums = files.checksums.iter().map(|(name, sum)| format!("{sum}  {name}\n"));
    let sums: String = sums.collect();
    fs::write(files.output.join("SHA256SUMS"), &sums)?;
    progress.block("Files", sums.trim_end());
    Ok(())
}

/// The files that were written, with their checksums.
struct Files {
    output: PathBuf,
    checksums: BTreeMap<String, String>,
}

impl Files {
    fn write(&mut self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let path = self.output.join(name);
        fs::write(&path, content).with_context(|| format!("`{}`", path.display()))?;
        self.checksums.insert(name.to_owned(), pack::sha256(content));
        Ok(())
    }
}

struct Release<'a> {
    root: &'a Path,
    libc: Libc,
    processes: &'a Processes,
    progress: &'a Progress,
}

impl Release<'_> {
    /// The archive, image and wheel of the command.
    async fn command(&self, architecture: Architecture, files: &mut Files) -> anyhow::Result<()> {
        let (root, name) = (self.root, architecture.as_str());
        let compile = async {
            let path = programs::vigie(root, architecture, self.libc, self.processes).await?;
            let program = fs::read(&path).with_context(|| format!("`{}`", path.display()))?;
            let shown = format!("{} MB", program.len() / 1_000_000);
            Ok::<_, anyhow::Error>((program, shown))
        };
        let vigie = self.progress.step(&format!("build vigie for {name}"), compile).await?;
        // `make release` builds it for this machine, since a program for another processor does not run here.
        let helper = root.join("target/debug/vigie");
        let entries = linux::entries(root, vigie.clone(), &helper).await?;
        let archive = linux::archive(name);
        files.write(&format!("{archive}.tar.gz"), &pack::tar_gz(&archive, &entries)?)?;

        let image = oci::image(&oci::files(vigie.clone(), certificates(root)?), architecture)?;
        files.write(&format!("vigie-{VERSION}-oci-{name}.tar"), &image)?;
        let readme = fs::read_to_string(root.join("packaging/archive/README-linux.md"))?;
        let license = fs::read_to_string(root.join("LICENSE"))?;
        let wheel = wheel::wheel(vigie, &entries, &readme, &license, architecture)?;
        files.write(&wheel::file_name(architecture), &wheel)
    }

    /// The archive of the functions and templates.
    async fn functions(&self, architecture: Architecture, files: &mut Files) -> anyhow::Result<()> {
        let (root, name) = (self.root, architecture.as_str());
        let compile = async {
            let checkout = Checkout { root, processes: self.processes };
            let build = Build::Release(architecture);
            checkout.build_functions(build, self.progress).await?;
            Ok::<_, anyhow::Error>((build.folder(root), format!("{} functions", FUNCTIONS.len())))
        };
        let functions =
            self.progress.step(&format!("build the functions for {name}"), compile).await?;
        let entries = aws::entries(root, &functions, architecture)?;
        let archive = format!("vigie-{VERSION}-aws-{name}");
        files.write(&format!("{archive}.tar.gz"), &pack::tar_gz(&archive, &entries)?)
    }
}

/// The certificate authorities of the package certifi, whose version and hash the requirements fix.
fn certificates(root: &Path) -> anyhow::Result<Vec<u8>> {
    let library = SAM.folder(root).join("lib/python3.11/site-packages/certifi/cacert.pem");
    fs::read(&library).with_context(|| format!("`{}`", library.display()))
}

fn architecture(name: &str) -> anyhow::Result<Architecture> {
    match name {
        "arm64" => Ok(Architecture::Arm64),
        "x86_64" => Ok(Architecture::X86),
        _ => anyhow::bail!("`{name}` is not an architecture; expected `arm64` or `x86_64`"),
    }
}

//! From the sources to a stack: on the local AWS for the demo and the tests, on the real one for
//! `make deploy`, by the same steps.
//!
//! One release build of all functions, then `sam build` and `sam deploy --config-env ENV`. What a
//! build depends on is summed up in a number kept beside its result, so that a warm run goes straight to
//! the deployment.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::process::Processes;
use crate::progress::Progress;
use crate::python::SAM;

const FUNCTIONS: [&str; 5] = ["dispatcher", "prober", "bridge", "ingest", "alerts"];

/// All that a build is made from.
const INPUTS: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    ".cargo",
    "crates",
    "functions",
    "infra",
    "probes",
    "samconfig.toml",
    "crates/deploy/requirements/sam.txt",
];

/// What the functions are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    Arm64,
    X86,
}

impl Architecture {
    /// That of this machine.
    pub const HOST: Self = if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::X86 };

    /// As the template's parameter `Architecture` wants it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::Arm64 => "--arm64",
            Self::X86 => "--x86-64",
        }
    }
}

/// A checkout and the tools that deploy it.
pub struct Checkout<'a> {
    pub root: &'a Path,
    pub processes: &'a Processes,
}

impl Checkout<'_> {
    /// The folder that `sam build` fills, shared by all that deploy from this checkout.
    #[must_use]
    pub fn build_folder(&self) -> PathBuf {
        self.root.join("target/sam")
    }

    /// Builds what has changed since the last time; returns whether anything had to be.
    ///
    /// What is built is the same for every environment. From nothing it takes many minutes, and tells
    /// how far it is.
    pub async fn build(
        &self,
        environment: &str,
        architecture: Architecture,
        progress: &Progress,
    ) -> anyhow::Result<bool> {
        let stamp = self.root.join("target/sam.inputs");
        let inputs = fingerprint(self.root, &INPUTS)?;
        let wanted = format!("{inputs} {}", architecture.as_str());
        let binary =
            |name: &&str| self.root.join("target/lambda").join(name).join("bootstrap").exists();
        let built =
            self.build_folder().join("template.yaml").exists() && FUNCTIONS.iter().all(binary);
        if built && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(false);
        }
        let mut cargo = self.tool("cargo-lambda");
        cargo.args(["lambda", "build", "--release", "--locked"]);
        // Without the flag it is this machine's own, and the compiler's own linker does.
        if architecture != Architecture::HOST {
            cargo.arg(architecture.flag());
        }
        cargo.args(FUNCTIONS.iter().flat_map(|name| ["--package", name]));
        let told = |log: &str| progress.note(format!("  {}", how_far(log)));
        self.processes.run_and_tell("build-functions", &mut cargo, told).await?;

        let mut sam = self.tool("sam");
        sam.args(["build", "--config-env", environment, "--build-dir"]).arg(self.build_folder());
        self.processes.run("sam-build", &mut sam).await?;
        fs::write(stamp, wanted)?;
        Ok(true)
    }

    /// `sam deploy` of a built template, with `parameters` on top of what samconfig.toml says.
    pub async fn sam_deploy(
        &self,
        environment: &str,
        template: &Path,
        parameters: &[(&str, String)],
    ) -> anyhow::Result<Command> {
        let mut merged = self.samconfig_parameters(environment).await?;
        for (name, value) in parameters {
            merged.insert((*name).to_owned(), value.clone());
        }
        let overrides = merged.iter().map(|(name, value)| format!("{name}={value}"));
        let mut sam = self.tool("sam");
        sam.args(["deploy", "--config-env", environment, "--config-file"])
            .arg(self.root.join("samconfig.toml"))
            .arg("--template-file")
            .arg(template)
            .args(["--no-progressbar", "--parameter-overrides"])
            .args(overrides);
        Ok(sam)
    }

    /// A copy of the built template beside which the nested stack is the one rendered for `state`.
    pub fn template_with_alarms(&self, state: &Path, alarms: &Path) -> anyhow::Result<PathBuf> {
        let nested = self.build_folder().join("Alarms/template.yaml");
        ensure!(nested.is_file(), "`{}` is missing", nested.display());
        let text = fs::read_to_string(self.build_folder().join("template.yaml"))?;
        let found = text.matches("Alarms/template.yaml").count();
        ensure!(found == 1, "the nested stack of alarms is named {found} times; expected once");
        let folder = state.join("deploy");
        fs::create_dir_all(&folder)?;
        let moved = folder.join("template.yaml");
        // Paths in the built template are relative to its own folder.
        let found = text.matches("CodeUri: ../lambda/").count();
        ensure!(found == FUNCTIONS.len(), "the built template packages {found} functions");
        let lambda = self.root.join("target/lambda");
        let text = text.replace("CodeUri: ../lambda/", &format!("CodeUri: {}/", lambda.display()));
        let mut text = text;
        for nested in ["SelfMonitoring", "Dashboards"] {
            let path = format!("Location: {nested}/template.yaml");
            ensure!(text.matches(&path).count() == 1, "the built template has no `{path}`");
            let built = self.build_folder().join(nested).join("template.yaml");
            text = text.replace(&path, &format!("Location: {}", built.display()));
        }
        fs::create_dir_all(folder.join("Alarms"))?;
        fs::copy(alarms, folder.join("Alarms/template.yaml"))?;
        fs::write(&moved, text)?;
        Ok(moved)
    }

    /// What samconfig.toml says for an environment; the command line would replace it altogether.
    async fn samconfig_parameters(
        &self,
        environment: &str,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Overrides {
            Lines(Vec<String>),
            Line(String),
        }
        let read = "import json, sys, tomllib; config = tomllib.load(open(sys.argv[1], 'rb')); \
                    print(json.dumps(config[sys.argv[2]]['deploy']['parameters']['parameter_overrides']))";
        let output = Command::new(SAM.program(self.root, "python"))
            .args(["-c", read])
            .arg(self.root.join("samconfig.toml"))
            .arg(environment)
            .output()
            .await?;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output.status.success(),
            "samconfig.toml has no parameters for `{environment}`: {error}"
        );
        let pairs = match serde_json::from_slice(&output.stdout)? {
            Overrides::Lines(lines) => lines,
            Overrides::Line(line) => line.split_whitespace().map(str::to_owned).collect(),
        };
        pairs
            .iter()
            .map(|pair| {
                let (name, value) = pair.split_once('=').with_context(|| pair.clone())?;
                Ok((name.to_owned(), value.trim_matches('"').to_owned()))
            })
            .collect()
    }

    /// One of SAM's programs, the others of its environment on the PATH before everything else.
    #[must_use]
    pub fn tool(&self, name: &str) -> Command {
        let bin = SAM.folder(self.root).join("bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths(std::iter::once(bin.clone()).chain(std::env::split_paths(&path)));
        let mut command = Command::new(bin.join(name));
        command
            .current_dir(self.root)
            .env("PATH", path.unwrap_or_default())
            .env("SAM_CLI_TELEMETRY", "0");
        // Everything else of AWS knows both names; SAM CLI knows only this one.
        if std::env::var_os("AWS_DEFAULT_REGION").is_none()
            && let Some(region) = std::env::var_os("AWS_REGION")
        {
            command.env("AWS_DEFAULT_REGION", region);
        }
        command
    }
}

/// How far Cargo is, by its log.
fn how_far(log: &str) -> String {
    let begun = log.lines().filter_map(|line| line.trim_start().strip_prefix("Compiling "));
    match begun.clone().next_back() {
        None => "Cargo fetches the crates".to_owned(),
        Some(last) => format!("Cargo is at crate {}, {last}", begun.count()),
    }
}

/// One number for the names and contents of all files below `inputs`.
fn fingerprint(root: &Path, inputs: &[&str]) -> anyhow::Result<u64> {
    let mut files = Vec::new();
    for input in inputs {
        collect(&root.join(input), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(root)?.hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_a_build_is_stands_in_its_log() {
        assert_eq!(how_far("   Downloaded libc v0.2\n"), "Cargo fetches the crates");
        let log = "   Compiling libc v0.2\nwarning: x\n   Compiling url v2.5.4\n";
        assert_eq!(how_far(log), "Cargo is at crate 2, url v2.5.4");
    }

    #[test]
    fn a_build_is_done_again_when_a_file_changes_appears_or_is_renamed() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str| root.path().join(name);
        let now = || fingerprint(root.path(), &["crates", "Cargo.toml", "absent"]).unwrap();
        fs::create_dir_all(file("crates/domain")).unwrap();
        fs::write(file("Cargo.toml"), "[workspace]").unwrap();
        fs::write(file("crates/domain/lib.rs"), "fn a() {}").unwrap();
        let mut seen = vec![now()];
        assert_eq!(seen, [now()]);

        fs::write(file("crates/domain/lib.rs"), "fn b() {}").unwrap();
        seen.push(now());
        fs::write(file("crates/domain/new.rs"), "").unwrap();
        seen.push(now());
        fs::rename(file("crates/domain/new.rs"), file("crates/domain/other.rs")).unwrap();
        seen.push(now());

        let different: std::collections::BTreeSet<u64> = seen.iter().copied().collect();
        assert_eq!(different.len(), seen.len());
    }
}

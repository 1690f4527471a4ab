//! `make test-gradio`: real servers of every version of Gradio that is tried, or of those named in
//! `ONLY`. `make test` plays the last of each major version.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use e2e::process::Processes;
use e2e::progress::Progress;
use e2e::servers::version::{FURTHER, LAST_OF_EACH, NOT_SPOKEN, Version};
use e2e::{run, servers};

#[tokio::main]
async fn main() -> ExitCode {
    let progress = Progress::default();
    run::until_done_or_interrupted(&progress, Box::pin(play(run::root(), &progress))).await
}

async fn play(root: &Path, progress: &Progress) -> anyhow::Result<()> {
    let all: Vec<Version> = [&LAST_OF_EACH[..], &FURTHER, &[NOT_SPOKEN]].concat();
    let only = std::env::var("ONLY").unwrap_or_default();
    let named: Vec<&str> = only.split_whitespace().collect();
    let numbers = || all.iter().map(|version| version.number);
    if let Some(unknown) = named.iter().find(|name| !numbers().any(|number| number == **name)) {
        let known: Vec<&str> = numbers().collect();
        bail!("`ONLY` names `{unknown}`; expected some of {}", known.join(", "));
    }
    let wanted = |version: &Version| named.is_empty() || named.contains(&version.number);
    let versions: Vec<Version> = all.into_iter().filter(wanted).collect();

    let state = root.join("target/servers");
    let (processes, _) = Processes::open(&root.join("target/e2e-processes"), &state.join("logs"))?;
    servers::play(root, &processes, progress, &versions).await
}

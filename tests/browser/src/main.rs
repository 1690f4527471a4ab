//! `make test-browser`: the verdict and the answers of Vigie beside those of a real browser.
//!
//! Each case of `apps.yaml` is one Gradio app. Chromium opens its page and types the prompts of the
//! case's probe; then Vigie runs the same probe against the same server. The program fails when the
//! verdicts or the answers differ, or when the browser does not see what the manifest says is right.

mod app;
mod checks;
mod chromium;
mod compare;
mod manifest;
mod nginx;
mod normalise;
mod table;
mod vigie;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow, ensure};
use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::run;
use futures_util::{StreamExt, stream};

use app::{App, Launcher};
use chromium::Chromium;
use compare::Comparison;
use manifest::Case;
use vigie::Vigie;

/// Apps that start while the browser is busy with another one.
const APPS_AHEAD: usize = 3;

#[tokio::main]
async fn main() -> ExitCode {
    let progress = Progress::default();
    run::until_done_or_interrupted(&progress, Box::pin(compare_all(run::root(), &progress))).await
}

async fn compare_all(root: &Path, progress: &Progress) -> anyhow::Result<()> {
    let only = std::env::var("ONLY").unwrap_or_default();
    let cases = manifest::read(&root.join("tests/browser"), &only)?;
    ensure!(!cases.is_empty(), "`ONLY` is `{only}`; expected a part of a case's name in apps.yaml");
    let state = root.join("target/browser");
    let (processes, _) = Processes::open(&state.join("processes"), &state.join("logs"))?;

    let prepare = async {
        let mut launchers = Vec::new();
        for release in manifest::releases(&cases) {
            release.environment().install(root, &processes).await?;
            launchers.push((release, Launcher::start(root, release, &processes)?));
        }
        let vigie = Vigie::build(root, &processes).await?;
        let chromium = Chromium::start(root, &processes).await?;
        Ok(((vigie, chromium, launchers), "Gradio, Chromium, Vigie"))
    };
    let (vigie, mut chromium, launchers) = progress.step("prepare", prepare).await?;

    let count = cases.len();
    let mut apps = stream::iter(cases)
        .map(|case| {
            let (processes, launchers) = (&processes, &launchers);
            async move {
                let launcher = launchers.iter().find(|(release, _)| *release == case.release);
                let app = match launcher {
                    Some((_, launcher)) => App::start(root, &case, launcher, processes).await,
                    None => Err(anyhow!("no launcher for this release of Gradio")),
                };
                (case, app)
            }
        })
        .buffered(APPS_AHEAD);
    let mut comparisons = Vec::with_capacity(count);
    while let Some((case, app)) = apps.next().await {
        let comparison = compare(&case, app, &mut chromium, &vigie).await;
        progress.note(table::line(&comparison));
        comparisons.push(comparison);
    }
    table::write(&comparisons, &state)?;
    let different = comparisons.iter().filter(|comparison| !comparison.agrees()).count();
    ensure!(
        different == 0,
        "{different} of {count} cases differ\n{}",
        table::differences(&comparisons)
    );
    Ok(())
}

/// Both conversations of one case; what prevents them is part of the comparison.
async fn compare(
    case: &Case,
    app: anyhow::Result<App>,
    chromium: &mut Chromium,
    vigie: &Vigie,
) -> Comparison {
    let held = async {
        let app = app.context("the app did not start")?;
        let url = app.url(case);
        let seen = chromium.converse(case, &url).await?;
        let report = vigie.run(case, &url).await?;
        app.stop().await?;
        Ok((seen, report))
    };
    Comparison::new(case, held.await)
}

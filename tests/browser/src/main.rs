//! `make test-browser`: compares the verdict and the replies of Vigie with those of a real browser.
//!
//! Each case of `apps.yaml` is one Gradio app. Chromium opens its page and types the prompts of the
//! case's probe; then Vigie runs the same probe against the same server. The program fails when the
//! verdicts, the missed objectives or the replies differ, or when the browser does not have the result of
//! the manifest. A run of all cases fails also when the times of the first text differ.

mod app;
mod checks;
mod chromium;
mod compare;
mod manifest;
mod nginx;
mod normalise;
mod results;
mod vigie;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow, ensure};
use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::run;
use futures_util::future::select_all;
use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;

use app::{App, Launcher};
use chromium::Chromium;
use compare::{Comparison, Side};
use manifest::Case;
use vigie::Vigie;

/// Browsers that work at the same time. Most of a conversation is waiting.
const BROWSERS: usize = 3;
/// Apps that start while the browsers use other ones.
const APPS_AHEAD: usize = 3;
/// Largest median of the absolute difference between Vigie and the browser in the time of the first text.
const FIRST_TEXT_DEVIATION_MS: i128 = 100;

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

    let known = if std::env::var_os("REUSE").is_some() { results::read(&state) } else { vec![] };

    let prepare = async {
        let mut launchers = Vec::new();
        for release in manifest::releases(&cases) {
            release.environment().install(root, &processes).await?;
            launchers.push((release, Launcher::start(root, release, &processes)?));
        }
        let vigie = Vigie::build(root, &processes).await?;
        let path = chromium::install(root, &processes).await?;
        let browsers = (0..BROWSERS).map(|_| Chromium::start(root, &path).map(Mutex::new));
        let browsers = browsers.collect::<anyhow::Result<Vec<_>>>()?;
        Ok::<_, anyhow::Error>(((vigie, browsers, launchers), "Gradio, Chromium, Vigie"))
    };
    let (vigie, browsers, launchers) = progress.step("prepare", prepare).await?;
    let both = Both { browsers, vigie, known };

    let count = cases.len();
    let mut results = stream::iter(cases)
        .map(|case| {
            let (processes, launchers, both) = (&processes, &launchers, &both);
            async move {
                let launcher = launchers.iter().find(|(release, _)| *release == case.release);
                let app = match launcher {
                    Some((_, launcher)) => App::start(root, &case, launcher, processes).await,
                    None => Err(anyhow!("no launcher for this release of Gradio")),
                };
                both.compare(&case, app.context("the app did not start")).await
            }
        })
        .buffered(BROWSERS + APPS_AHEAD);
    let mut comparisons = Vec::with_capacity(count);
    while let Some(comparison) = results.next().await {
        progress.note(results::line(&comparison));
        comparisons.push(comparison);
        // After each case, so that an interrupted run has results.
        results::write(&comparisons, &state)?;
    }
    progress.note(results::summary_of(&comparisons));
    let different = comparisons.iter().filter(|comparison| !comparison.agrees()).count();
    ensure!(
        different == 0,
        "{different} of {count} cases differ\n{}",
        results::differences(&comparisons)
    );
    // A few cases say little about the median.
    if only.trim().is_empty() {
        let deviation = results::first_text_deviation(&comparisons);
        let deviation = deviation.context("no case has the time of the first text")?;
        ensure!(
            deviation <= FIRST_TEXT_DEVIATION_MS,
            "the first text in Vigie differs by {deviation} ms from the browser (median); expected at \
             most {FIRST_TEXT_DEVIATION_MS} ms"
        );
    }
    Ok(())
}

/// The clients that hold the conversations.
struct Both {
    browsers: Vec<Mutex<Chromium>>,
    vigie: Vigie,
    /// Results of an earlier run, whose browser results are reused.
    known: Vec<Comparison>,
}

impl Both {
    /// Both conversations with one app; an error is part of the comparison.
    async fn compare(&self, case: &Case, app: anyhow::Result<App>) -> Comparison {
        let app = match app {
            Ok(app) => app,
            Err(error) => return Comparison::new(case, Side::error(&error), Side::default()),
        };
        let url = app.url(case);
        let known = self.known.iter().find(|known| known.case == case.name);
        let known = known.filter(|known| compare::is_complete(&known.browser));
        let browser = match known {
            Some(known) if compare::is_right(case, &known.browser) => known.browser.clone(),
            _ => self.browse(case, &url).await,
        };
        let vigie = match self.vigie.run(case, &url).await {
            Ok(report) => compare::vigie(&report),
            Err(error) => Side::error(&error),
        };
        app.stop().await;
        Comparison::new(case, browser, vigie)
    }

    /// The conversation in the browser. It is repeated once if it differs from the manifest, because a busy
    /// machine can disturb it.
    async fn browse(&self, case: &Case, url: &str) -> Side {
        let mut side = Side::default();
        let free = self.browsers.iter().map(|browser| Box::pin(browser.lock()));
        let (mut chromium, ..) = select_all(free).await;
        for _ in 0..2 {
            side = match chromium.converse(case, url).await {
                Ok(seen) => compare::browser(case, &seen),
                Err(error) => Side::error(&error),
            };
            if compare::is_right(case, &side) {
                break;
            }
        }
        side
    }
}

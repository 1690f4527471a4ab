//! The report page in a real browser.
//!
//! Its replies contain markup, scripts, control characters and direction marks. A script that runs changes the
//! title of the page, which the test checks. A page without escaping shows that the test detects this.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use deploy::process::Processes;
use deploy::run;
use harness::packages;
use libtest_mimic::Completion;
use testkit::reports;
use tokio::process::Command;

use super::skipped;

const HINT: &str =
    "hint: install Chromium so that `chromium` is on the PATH (Debian: apt-get install chromium)";

/// Long enough for a browser that starts on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Window sizes and colour schemes; the screenshots are for manual review.
const LOOKS: [(&str, &[&str]); 3] = [
    ("light", &["--window-size=1100,1400"]),
    ("dark", &["--window-size=1100,1400", "--blink-settings=preferredColorScheme=0"]),
    ("phone", &["--window-size=500,1400"]),
];

/// Renders the pages, opens each in Chromium, and stores a screenshot of each.
pub(super) async fn check() -> anyhow::Result<Completion> {
    let folder = &run::root().join("target/pages");
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let (processes, _) = Processes::open(&folder.join("processes"), &folder.join("logs"))?;
    let chromium = match packages::install(&processes, "chromium", "chromium", HINT).await {
        Ok(path) => path,
        Err(error) => return skipped(&error),
    };
    let browser = Browser { chromium, folder: folder.to_owned() };

    let unprotected = "<!doctype html><title>calm</title><p><script>document.title='RAN'</script>";
    let seen = browser.dom(&browser.write("unprotected", unprotected)?).await?;
    ensure!(title(&seen) == Some("RAN"), "a script that runs is not seen: {seen}");

    let hostile = browser.write("hostile", &report_page::render(&reports::hostile()))?;
    looks_harmless(&browser.dom(&hostile).await?)?;
    let eventful = browser.write("eventful", &report_page::render(&reports::eventful()))?;
    for page in [&hostile, &eventful] {
        for (look, arguments) in LOOKS {
            browser.picture(page, look, arguments).await?;
        }
    }
    Ok(Completion::Completed)
}

/// The browser shows the hostile replies as text only.
fn looks_harmless(dom: &str) -> anyhow::Result<()> {
    let title = title(dom).context("the page has no title")?;
    ensure!(title.starts_with("support-bot down"), "a script ran: the title is `{title}`");
    for element in ["<script", "<img", "<u>", "href=\"javascript"] {
        ensure!(!dom.contains(element), "`{element}` was taken for markup");
    }
    for text in [
        "&lt;script&gt;document.title='RAN'&lt;/script&gt;",
        "&lt;img src=x",
        "&lt;/style&gt;&lt;/main&gt;",
    ] {
        ensure!(dom.contains(text), "`{text}` does not show as text");
    }
    for hidden in ['\u{202e}', '\u{202c}', '\u{1b}', '\u{0}'] {
        let shown = format!("U+{:04X}", u32::from(hidden));
        ensure!(!dom.contains(hidden) && dom.contains(&shown), "{shown} is not shown by its name");
    }
    Ok(())
}

fn title(dom: &str) -> Option<&str> {
    dom.split_once("<title>")?.1.split_once("</title>").map(|(title, _)| title)
}

struct Browser {
    chromium: PathBuf,
    folder: PathBuf,
}

impl Browser {
    fn write(&self, name: &str, page: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(format!("{name}.html"));
        fs::write(&path, page)?;
        Ok(path)
    }

    /// The document once its scripts have had two seconds.
    async fn dom(&self, page: &Path) -> anyhow::Result<String> {
        let output = self.open(page, &["--virtual-time-budget=2000", "--dump-dom"]).await?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    async fn picture(&self, page: &Path, look: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let picture = page.with_extension(format!("{look}.png"));
        let screenshot = format!("--screenshot={}", picture.display());
        self.open(page, &[arguments, &["--hide-scrollbars", &screenshot]].concat()).await?;
        let bytes = fs::metadata(&picture).with_context(|| format!("`{screenshot}`"))?.len();
        // A blank page of this size has some 5 kB.
        ensure!(bytes > 20_000, "`{}` has {bytes} bytes: is it blank?", picture.display());
        Ok(())
    }

    async fn open(&self, page: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let profile = self.folder.join("profile");
        let mut command = Command::new(&self.chromium);
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            // Otherwise it searches for hosts on the network.
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(arguments)
            .arg(format!("file://{}", page.display()))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let Ok(output) = tokio::time::timeout(TIMEOUT, command.output()).await else {
            bail!("Chromium did not show `{}` within {TIMEOUT:?}", page.display());
        };
        let output = output?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "Chromium ended with {}: {said}", output.status);
        Ok(output.stdout)
    }
}

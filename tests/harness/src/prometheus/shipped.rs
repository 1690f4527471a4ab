//! The configuration in infra/observability, with the targets of a run.

use std::fs;
use std::path::Path;

use anyhow::ensure;

/// `prometheus.yml` of the repository with other targets and another folder of rules.
pub(super) fn configuration(root: &Path, scraped: &[&str]) -> anyhow::Result<String> {
    let folder = root.join("infra/observability");
    let text = fs::read_to_string(folder.join("prometheus.yml"))?;
    let targets = serde_json::to_string(scraped)?;
    let files = "file_sd_configs:\n      - files: [targets/gradio_chatbot.yml]";
    let own = format!("static_configs:\n      - targets: {targets}");
    let mut out = text;
    for (shipped, own) in
        [(files, own), ("- rules/*.yml", format!("- {}/rules/*.yml", folder.display()))]
    {
        ensure!(out.matches(shipped).count() == 1, "prometheus.yml no longer has `{shipped}`");
        out = out.replace(shipped, &own);
    }
    // The files with the other targets do not exist: they are not scraped, and there is no Alertmanager.
    Ok(out)
}

//! The input of a section, and the tables that it returns.

use std::path::{Path, PathBuf};

use deploy::build::{Architecture, Build};
use deploy::checkout::Checkout;
use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::python::SAM;
use tokio::process::Command;

/// The input of a section.
pub(crate) struct Bench<'a> {
    pub(crate) root: &'a Path,
    pub(crate) processes: &'a Processes,
    pub(crate) progress: &'a Progress,
    /// How often each row is measured; its median is shown.
    pub(crate) runs: usize,
}

impl Bench<'_> {
    /// Builds a program of this workspace.
    pub(crate) async fn cargo(&self, profile: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--locked", "--profile", profile]).args(arguments);
        Ok(self.processes.show("cargo-build", cargo.current_dir(self.root)).await?)
    }

    /// The path of a program that was built.
    pub(crate) fn program(&self, profile: &str, name: &str) -> PathBuf {
        let folder = if profile == "dev" { "debug" } else { profile };
        self.root.join("target").join(folder).join(name)
    }

    /// The deployed binaries of the functions; builds missing ones.
    pub(crate) async fn functions(&self) -> anyhow::Result<()> {
        let checkout = Checkout { root: self.root, processes: self.processes };
        let built = async {
            SAM.install(self.root, self.processes).await?;
            let build = Build::Release(Architecture::HOST);
            let changed = checkout.build_functions(build, self.progress).await?;
            Ok::<_, anyhow::Error>(((), if changed { "built" } else { "unchanged" }))
        };
        Ok(self.progress.step("build the functions", built).await?)
    }
}

/// A table of measurements, quoted by docs/performance.md.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) title: String,
    /// The commands behind the rows, and notes about the values; Markdown.
    pub(crate) notes: Vec<String>,
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    #[must_use]
    pub(crate) fn markdown(&self) -> String {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = vec!["---".to_owned(); self.header.len()];
        let rows: String = self.rows.iter().map(|cells| row(cells)).collect();
        let paragraph = |note: &String| format!("\n{note}\n");
        let notes: String = self.notes.iter().map(paragraph).collect();
        format!("## {}\n\n{}{}{rows}{notes}", self.title, row(&self.header), row(&rule))
    }
}

/// The middle one of `values`, the upper of two; `None` when there are none.
#[must_use]
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_does_not_depend_on_the_order() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(4.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn a_table_is_markdown() {
        let table = Table {
            title: "One".to_owned(),
            notes: vec!["`make bench`".to_owned()],
            header: vec!["what".to_owned(), "ms".to_owned()],
            rows: vec![vec!["vigie".to_owned(), "1".to_owned()]],
        };
        let expected = "## One\n\n| what | ms |\n| --- | --- |\n| vigie | 1 |\n\n`make bench`\n";
        assert_eq!(table.markdown(), expected);
    }
}

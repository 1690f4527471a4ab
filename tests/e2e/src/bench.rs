//! `make bench`: what Vigie costs, measured beside its peers on the same work in the same run.
//!
//! A section is one subject with tables of its own. Every figure is a median, and the command that a
//! row ran stands with its table, so that anybody can run that row alone.

pub mod bridge;
pub mod clients;
pub mod functions;

use std::path::Path;

use crate::deploy::{Architecture, Checkout};
use crate::process::Processes;
use crate::progress::Progress;
use crate::python::SAM;

/// What a section works with.
pub struct Bench<'a> {
    pub root: &'a Path,
    pub processes: &'a Processes,
    pub progress: &'a Progress,
    /// How often each row is measured; its median is shown.
    pub runs: usize,
}

impl Bench<'_> {
    /// The functions as they are deployed: builds what is not built yet.
    pub async fn functions(&self) -> anyhow::Result<()> {
        let checkout = Checkout { root: self.root, processes: self.processes };
        let built = async {
            SAM.install(self.root, self.processes).await?;
            let changed = checkout.build("local", Architecture::HOST, self.progress).await?;
            Ok(((), if changed { "cargo lambda build" } else { "unchanged" }))
        };
        self.progress.step("build the functions", built).await
    }
}

/// Figures as a person reads them, and as docs/performance.md quotes them.
#[derive(Clone, Debug)]
pub struct Table {
    pub title: String,
    /// The commands behind the rows, and what a reader has to know about the figures; Markdown.
    pub notes: Vec<String>,
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    #[must_use]
    pub fn markdown(&self) -> String {
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
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_whatever_the_order() {
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
            rows: vec![vec!["ours".to_owned(), "1".to_owned()]],
        };
        let expected = "## One\n\n| what | ms |\n| --- | --- |\n| ours | 1 |\n\n`make bench`\n";
        assert_eq!(table.markdown(), expected);
    }
}

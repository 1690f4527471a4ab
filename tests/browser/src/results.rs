//! The output and the stored results of the comparison.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::compare::{Comparison, Side};

/// One case in one line.
pub(crate) fn line(comparison: &Comparison) -> String {
    let mark = if comparison.agrees() { "ok  " } else { "DIFF" };
    let Comparison { case, browser, vigie, .. } = comparison;
    format!(
        "{mark} {case:<44} browser {:<9} vigie {:<9} first text {:>5}/{:>5}/{:>5} ms",
        browser.verdict,
        vigie.verdict,
        time(vigie.first_ms),
        time(browser.first_ms),
        time(browser.painted_ms),
    )
}

/// Every case that differs, with both results.
pub(crate) fn differences(comparisons: &[Comparison]) -> String {
    let mut text = String::new();
    for comparison in comparisons.iter().filter(|comparison| !comparison.agrees()) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{}: {}", comparison.case, comparison.differences.join("; "));
        for (name, side) in [("browser", &comparison.browser), ("vigie", &comparison.vigie)] {
            let _ = writeln!(text, "  {name:<8}{}", summary(side));
        }
    }
    text
}

/// The results of the run before this one; none when there was none.
pub(crate) fn read(folder: &Path) -> Vec<Comparison> {
    let results = fs::read(folder.join("results.json")).unwrap_or_default();
    serde_json::from_slice(&results).unwrap_or_default()
}

/// Writes the results as JSON and as a Markdown table into `folder`, and replaces earlier ones of the
/// same cases.
pub(crate) fn write(comparisons: &[Comparison], folder: &Path) -> anyhow::Result<()> {
    let mut all = read(folder);
    for comparison in comparisons {
        match all.iter_mut().find(|earlier| earlier.case == comparison.case) {
            Some(earlier) => earlier.clone_from(comparison),
            None => all.push(comparison.clone()),
        }
    }
    fs::write(folder.join("results.json"), serde_json::to_vec_pretty(&all)?)?;
    let mut table = String::from(
        "| case | browser | Vigie | first text: Vigie, received, painted (ms) | differences |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for Comparison { case, browser, vigie, differences } in &all {
        let times = [vigie.first_ms, browser.first_ms, browser.painted_ms].map(time).join(", ");
        let _ = writeln!(
            table,
            "| {case} | {} | {} | {times} | {} |",
            browser.verdict,
            vigie.verdict,
            differences.join("; ").replace('|', "\\|"),
        );
    }
    let _ = writeln!(table, "\n{}", summary_of(&all));
    fs::write(folder.join("results.md"), table)?;
    Ok(())
}

/// The number of cases that differ, and the difference of the times at which the first text was received.
pub(crate) fn summary_of(comparisons: &[Comparison]) -> String {
    let different = comparisons.iter().filter(|comparison| !comparison.agrees()).count();
    let differences = || comparisons.iter().filter_map(first_text_difference);
    let shown = |median: Option<i128>| median.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    format!(
        "{} cases, {different} differ. First text in Vigie after first text received by the browser: \
         median {} ms, median of the absolute difference {} ms over {} cases.",
        comparisons.len(),
        shown(median(differences())),
        shown(first_text_deviation(comparisons)),
        differences().count(),
    )
}

/// Median of the absolute difference of the times at which the first text was received, in milliseconds.
pub(crate) fn first_text_deviation(comparisons: &[Comparison]) -> Option<i128> {
    median(comparisons.iter().filter_map(first_text_difference).map(i128::abs))
}

fn median(values: impl Iterator<Item = i128>) -> Option<i128> {
    let mut values: Vec<i128> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

fn first_text_difference(comparison: &Comparison) -> Option<i128> {
    let Comparison { browser, vigie, .. } = comparison;
    let both = browser.is_up() && vigie.is_up();
    let times = vigie.first_ms.zip(browser.first_ms).filter(|_| both);
    times.map(|(vigie, browser)| i128::from(vigie) - i128::from(browser))
}

fn summary(side: &Side) -> String {
    let answers: Vec<String> = side.answers.iter().map(|answer| format!("{answer:?}")).collect();
    format!("{} {} [{}]", side.verdict, side.reason, answers.join(", "))
}

fn time(milliseconds: Option<u64>) -> String {
    milliseconds.map_or_else(|| "-".to_owned(), |milliseconds| milliseconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Verdict;

    #[test]
    fn early_and_late_first_texts_do_not_cancel_out() {
        let comparison = |(vigie, browser): (u64, u64)| {
            let side = |first_ms| Side {
                verdict: Verdict::Up,
                first_ms: Some(first_ms),
                ..Side::default()
            };
            let (browser, vigie) = (side(browser), side(vigie));
            Comparison { case: String::new(), browser, vigie, differences: Vec::new() }
        };
        let all = [(100, 600), (600, 100), (300, 300), (100, 250), (400, 200)].map(comparison);
        assert_eq!(first_text_deviation(&all), Some(200));
        assert_eq!(first_text_deviation(&[]), None);
        assert!(summary_of(&all).contains("median 0 ms, median of the absolute difference 200 ms"));
    }
}

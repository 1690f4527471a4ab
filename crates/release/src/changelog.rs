//! The release notes: the newest section of CHANGELOG.md, which must be that of the version.

use anyhow::{Context, ensure};

use crate::VERSION;

/// The text below the first `## ` heading.
pub fn notes(changelog: &str) -> anyhow::Result<String> {
    let (_, newest) = changelog.split_once("\n## ").context("CHANGELOG.md has no version")?;
    let (heading, rest) = newest.split_once('\n').unwrap_or((newest, ""));
    let version = heading.split(' ').next().unwrap_or_default();
    ensure!(
        version == VERSION,
        "CHANGELOG.md begins with version `{version}`; expected `{VERSION}` of Cargo.toml"
    );
    let notes = rest.split("\n## ").next().unwrap_or_default().trim();
    ensure!(!notes.is_empty(), "CHANGELOG.md has no notes for {VERSION}");
    Ok(format!("{notes}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_the_newest_section() {
        let text =
            format!("# Changelog\n\n## {VERSION} (2026-11-30)\n\nNew.\n\n## 0.0.1\n\nOld.\n");
        assert_eq!(notes(&text).unwrap(), "New.\n");
        let other = notes("# Changelog\n\n## 99.0.0\n\nNew.\n").unwrap_err().to_string();
        assert!(other.starts_with("CHANGELOG.md begins with version `99.0.0`"), "{other}");
        assert!(notes("# Changelog\n").is_err());
    }

    #[test]
    fn changelog_of_this_version_has_notes() {
        let file = deploy::run::root().join("CHANGELOG.md");
        let text = std::fs::read_to_string(file).unwrap();
        assert!(notes(&text).unwrap().contains("[FEATURE]"));
    }
}

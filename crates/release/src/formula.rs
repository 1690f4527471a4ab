//! The Homebrew formula, filled with the version and the checksums of the archives.

use std::collections::BTreeMap;

use anyhow::ensure;

use crate::{REPOSITORY, VERSION, linux};

/// Replaces the placeholders of packaging/homebrew/vigie.rb. `checksums` is by file name.
///
/// An archive that was not built keeps its placeholder: the release workflow builds each on its own machine.
pub fn fill(template: &str, checksums: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let mut text = template.replace("@REPOSITORY@", REPOSITORY).replace("@VERSION@", VERSION);
    for architecture in ["x86_64", "arm64"] {
        let archive = format!("{}.tar.gz", linux::archive(architecture));
        let placeholder = format!("@SHA256_{}@", architecture.to_uppercase());
        ensure!(text.contains(&placeholder), "the formula has no {placeholder}");
        if let Some(checksum) = checksums.get(&archive) {
            text = text.replace(&placeholder, checksum);
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formula_names_version_address_and_checksums() {
        let file = deploy::run::root().join("packaging/homebrew/vigie.rb");
        let template = std::fs::read_to_string(file).unwrap();
        let archive = |name: &str| format!("vigie-{VERSION}-linux-{name}.tar.gz");
        let checksums =
            [(archive("x86_64"), "a".repeat(64)), (archive("arm64"), "b".repeat(64))].into();
        let filled = fill(&template, &checksums).unwrap();
        assert!(!filled.contains('@'), "{filled}");
        assert!(filled.contains(&format!("{REPOSITORY}/releases/download/v{VERSION}/")));
        assert!(filled.contains(&"b".repeat(64)));
    }
}

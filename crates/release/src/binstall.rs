//! The names by which `cargo binstall` finds the archives, in the metadata of the package `cli`.

use std::collections::BTreeMap;

use crate::linux;

/// Archive of each target. The workflow `release` builds those for macOS.
fn archives() -> BTreeMap<&'static str, String> {
    let linux = |name: &str| linux::archive(name);
    let macos = |name: &str| linux::archive(name).replace("linux", "macos");
    [
        ("x86_64-unknown-linux-gnu", linux("x86_64")),
        ("x86_64-unknown-linux-musl", linux("x86_64")),
        ("aarch64-unknown-linux-gnu", linux("arm64")),
        ("aarch64-unknown-linux-musl", linux("arm64")),
        ("x86_64-apple-darwin", macos("x86_64")),
        ("aarch64-apple-darwin", macos("arm64")),
    ]
    .into()
}

#[test]
fn binstall_names_the_archives_of_the_release() {
    let root = deploy::run::root();
    let manifest = std::fs::read_to_string(root.join("crates/cli/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let metadata = &manifest["package"]["metadata"]["binstall"];
    let overrides = metadata["overrides"].as_table().unwrap();
    let archives = archives();
    assert_eq!(overrides.len(), archives.len());
    for (target, archive) in archives {
        let fill = |key: &str| {
            let text = overrides[target][key].as_str().unwrap();
            text.replace("{ version }", crate::VERSION).replace("{ bin }", "vigie")
        };
        let release = format!("{{ repo }}/releases/download/v{}", crate::VERSION);
        assert_eq!(fill("pkg-url"), format!("{release}/{archive}.tar.gz"), "{target}");
        assert_eq!(fill("bin-dir"), format!("{archive}/vigie"), "{target}");
    }
}

#[test]
fn workflow_builds_the_archives_for_macos() {
    let workflow = deploy::run::root().join(".github/workflows/release.yml");
    let workflow = std::fs::read_to_string(workflow).unwrap();
    assert!(workflow.contains("vigie-${GITHUB_REF_NAME#v}-macos-$ARCHITECTURE"));
}

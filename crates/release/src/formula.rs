//! The Homebrew formula. `packaging/homebrew/fill.sh` writes it when all archives of a release exist.

use std::path::Path;
use std::process::{Command, Output};

use crate::{REPOSITORY, VERSION};

const TARGETS: [(&str, char); 4] =
    [("linux-arm64", 'a'), ("linux-x86_64", 'b'), ("macos-arm64", 'c'), ("macos-x86_64", 'd')];

/// The lines of `SHA256SUMS` for archives whose target has this prefix.
fn sums(prefix: &str) -> String {
    let named = TARGETS.iter().filter(|(target, _)| target.starts_with(prefix));
    let line = |(target, digit): &(&str, char)| {
        let sum = digit.to_string().repeat(64);
        format!(
            "{sum}  vigie-{VERSION}-{target}.tar.gz\n{sum}  vigie-{VERSION}-{target}.tar.gz.x\n"
        )
    };
    named.map(line).collect()
}

fn fill(folder: &Path, files: &[(&str, String)]) -> Output {
    let mut script = Command::new(deploy::run::root().join("packaging/homebrew/fill.sh"));
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
        script.arg(name);
    }
    script.current_dir(folder).output().unwrap()
}

#[test]
fn formula_has_every_archive_with_its_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("SHA256SUMS", sums("linux")),
        ("SHA256SUMS-macos-arm64", sums("macos-arm64")),
        ("SHA256SUMS-macos-x86_64", sums("macos-x86_64")),
    ];
    let filled = fill(folder.path(), &files);
    assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
    let formula = String::from_utf8(filled.stdout).unwrap();
    for placeholder in ["@SHA256", "@VERSION", "@REPOSITORY"] {
        assert!(!formula.contains(placeholder), "{formula}");
    }
    let systems = formula.split("  on_").skip(1).map(|block| block.split(" do").next().unwrap());
    let systems: Vec<&str> = systems.collect();
    assert_eq!(systems, ["macos", "arm", "intel", "linux", "arm", "intel"]);
    for (target, digit) in TARGETS {
        let archive =
            format!("{REPOSITORY}/releases/download/v{VERSION}/vigie-{VERSION}-{target}.tar.gz");
        let sum = digit.to_string().repeat(64);
        let lines = format!("      url \"{archive}\"\n      sha256 \"{sum}\"\n");
        assert!(formula.contains(&lines), "{target}: {formula}");
    }
}

#[test]
fn formula_without_a_checksum_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let filled = fill(folder.path(), &[("SHA256SUMS", sums("linux"))]);
    let said = String::from_utf8_lossy(&filled.stderr).into_owned();
    assert!(!filled.status.success() && filled.stdout.is_empty());
    assert!(said.contains(&format!("vigie-{VERSION}-macos-arm64.tar.gz")), "{said}");
}

#[test]
fn archives_for_macos_have_the_files_of_the_formula() {
    let root = deploy::run::root();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (formula, workflow) =
        (read("packaging/homebrew/vigie.rb"), read(".github/workflows/release.yml"));
    for (_, file) in crate::linux::SHELLS {
        let file = format!("completions/{file}");
        assert!(formula.contains(&format!("\"{file}\"")), "{file}");
        assert!(workflow.contains(&format!("> \"dist/$name/{file}\"")), "{file}");
    }
    assert!(workflow.contains("packaging/homebrew/fill.sh SHA256SUMS*"));
}

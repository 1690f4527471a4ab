//! The Python wheel with the program, so that `uvx vigie`, `pipx install vigie` and `pip install vigie` work.
//!
//! Format: "Binary distribution format" of the Python packaging specifications. maturin would compile again;
//! the wheel has the program of the archive.

use std::fmt::Write as _;

use deploy::build::Architecture;
use sha2::{Digest as _, Sha256};

use crate::entry::Entry;
use crate::{REPOSITORY, VERSION, pack};

/// The name of the file.
#[must_use]
pub fn file_name(architecture: Architecture) -> String {
    format!("vigie-{VERSION}-py3-none-{}.whl", platforms(architecture).join("."))
}

/// The program is static, so it runs with glibc and with musl.
fn platforms(architecture: Architecture) -> [String; 2] {
    let processor = match architecture {
        Architecture::Arm64 => "aarch64",
        Architecture::X86 => "x86_64",
    };
    [format!("manylinux2014_{processor}"), format!("musllinux_1_1_{processor}")]
}

/// Where an installation has the completions and manual pages of the archive; `None` for its other files.
fn shared(path: &str) -> Option<String> {
    let place = match path {
        "completions/vigie.bash" => "bash-completion/completions/vigie",
        "completions/_vigie" => "zsh/site-functions/_vigie",
        "completions/vigie.fish" => "fish/vendor_completions.d/vigie.fish",
        _ => return Some(format!("share/man/man1/{}", path.strip_prefix("man/")?)),
    };
    Some(format!("share/{place}"))
}

/// The bytes of the wheel. `archive` has the entries of the archive of the command.
pub fn wheel(
    vigie: Vec<u8>,
    archive: &[Entry],
    readme: &str,
    license: &str,
    architecture: Architecture,
) -> anyhow::Result<Vec<u8>> {
    pack::zip(&entries(vigie, archive, readme, license, architecture))
}

fn entries(
    vigie: Vec<u8>,
    archive: &[Entry],
    readme: &str,
    license: &str,
    architecture: Architecture,
) -> Vec<Entry> {
    let info = format!("vigie-{VERSION}.dist-info");
    let mut tags = String::new();
    for platform in platforms(architecture) {
        let _ = writeln!(tags, "Tag: py3-none-{platform}");
    }
    let wheel = format!(
        "Wheel-Version: 1.0\nGenerator: vigie release {VERSION}\nRoot-Is-Purelib: false\n{tags}"
    );
    let metadata = format!(
        "Metadata-Version: 2.4\nName: vigie\nVersion: {VERSION}\n\
         Summary: Synthetic prober for Gradio chatbots\nLicense-Expression: Apache-2.0\n\
         License-File: LICENSE\nProject-URL: Source, {REPOSITORY}\nRequires-Python: >=3.8\n\
         Description-Content-Type: text/markdown\n\n{readme}"
    );
    let mut entries = vec![
        Entry::program(format!("vigie-{VERSION}.data/scripts/vigie"), vigie),
        Entry::file(format!("{info}/METADATA"), metadata),
        Entry::file(format!("{info}/WHEEL"), wheel),
        Entry::file(format!("{info}/licenses/LICENSE"), license),
    ];
    entries.extend(archive.iter().filter_map(|entry| {
        let path = format!("vigie-{VERSION}.data/data/{}", shared(&entry.path)?);
        Some(Entry::file(path, entry.content.clone()))
    }));
    let mut record = String::new();
    for Entry { path, content, .. } in &entries {
        let _ = writeln!(record, "{path},sha256={},{}", base64url(content), content.len());
    }
    let path = format!("{info}/RECORD");
    let _ = writeln!(record, "{path},,");
    entries.push(Entry::file(path, record));
    entries
}

/// SHA-256 as unpadded URL-safe base64, as `RECORD` has it.
fn base64url(content: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in Sha256::digest(content).chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, index| {
            bits << 8 | u32::from(chunk.get(index).copied().unwrap_or_default())
        });
        for index in 0..=chunk.len() {
            let sextet = bits >> (18 - 6 * index) & 0x3f;
            text.push(char::from(ALPHABET[sextet as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_lists_every_file_with_its_hash() {
        let names = crate::linux::SHELLS.map(|(_, file)| format!("completions/{file}"));
        let names = names.into_iter().chain(["man/vigie.1".to_owned(), "README.md".to_owned()]);
        let archive: Vec<Entry> = names.map(|name| Entry::file(name, "x")).collect();
        let entries = entries(b"abc".to_vec(), &archive, "# Vigie\n", "text", Architecture::X86);
        let shared = entries.iter().filter_map(|entry| entry.path.split_once("/data/share/"));
        let shared: Vec<&str> = shared.map(|(_, path)| path).collect();
        let expected = [
            "bash-completion/completions/vigie",
            "zsh/site-functions/_vigie",
            "fish/vendor_completions.d/vigie.fish",
            "man/man1/vigie.1",
        ];
        assert_eq!(shared, expected);
        let (record, others) = entries.split_last().unwrap();
        assert_eq!(record.path, format!("vigie-{VERSION}.dist-info/RECORD"));
        let record = String::from_utf8(record.content.clone()).unwrap();
        let program = format!(
            "vigie-{VERSION}.data/scripts/vigie,\
             sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3"
        );
        assert!(record.lines().any(|line| line == program), "{record}");
        assert_eq!(record.lines().count(), others.len() + 1);
    }

    #[test]
    fn file_name_has_the_tags_of_static_programs() {
        let expected = "-py3-none-manylinux2014_aarch64.musllinux_1_1_aarch64.whl";
        assert!(file_name(Architecture::Arm64).ends_with(expected));
    }
}

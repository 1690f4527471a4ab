//! Reads the probe files and folders named on the command line. An address of an app stands for a default
//! probe.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use domain::{ProbeSpec, TargetUrl};
use probe_file::LARGEST_FILE;

use crate::diagnostics::rendered;
use crate::{Io, starter};

/// The text of a probe file.
#[derive(Clone, Debug)]
pub(crate) struct ProbeFile {
    pub(crate) name: String,
    pub(crate) text: String,
    /// Whether the command line names the file itself, not its folder.
    pub(crate) named: bool,
}

/// Reads files, and the `*.yaml` and `*.yml` files of folders in the order of their names.
pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<ProbeFile>> {
    let mut files = Vec::new();
    for path in paths {
        if let Some(url) = address(path)? {
            let (name, text) = (url.without_secrets(), starter::probe_file(&url));
            files.push(ProbeFile { name, text, named: true });
        } else if path.is_dir() {
            let inside = probe_files(path)?;
            ensure!(!inside.is_empty(), "`{}` has no probe file (`*.yaml`)", path.display());
            for path in inside {
                files.push(read_one(&path, false)?);
            }
        } else {
            files.push(read_one(path, true)?);
        }
    }
    Ok(files)
}

/// The address of an app, if the argument is not a path.
fn address(path: &Path) -> anyhow::Result<Option<TargetUrl>> {
    let text = path.to_str().unwrap_or_default();
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return Ok(None);
    }
    Ok(Some(text.parse()?))
}

/// The probe files in a folder, sorted.
pub(crate) fn probe_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("could not read `{}`", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("could not read `{}`", folder.display()))?.path();
        let yaml =
            path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if yaml && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_one(path: &Path, named_itself: bool) -> anyhow::Result<ProbeFile> {
    let text = read_text(path, LARGEST_FILE, address_hint(path))?;
    Ok(ProbeFile { name: path.display().to_string(), text, named: named_itself })
}

/// The text of a file with at most `most` bytes. The `hint` is added when the file cannot be opened.
pub(crate) fn read_text(path: &Path, most: usize, hint: &str) -> anyhow::Result<String> {
    let named = || format!("could not read `{}`", path.display());
    let mut bytes = Vec::new();
    // One byte above the limit shows that the file is too large.
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let file = File::open(path).with_context(|| named() + hint)?;
    file.take(limit).read_to_end(&mut bytes).with_context(named)?;
    ensure!(bytes.len() <= most, "`{}` is larger than {most} bytes", path.display());
    String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("`{}` is not UTF-8 text", path.display()))
}

/// For an argument such as `chat.example.com`, which is an address without its scheme.
fn address_hint(path: &Path) -> &'static str {
    let is_yaml =
        path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    if is_yaml { "" } else { "\nhint: the address of an app starts with `http://` or `https://`" }
}

/// The probes in `files`; `None` when a file has errors, which are printed.
pub(crate) fn probes(
    files: &[ProbeFile],
    io: &mut Io<'_>,
) -> anyhow::Result<Option<Vec<ProbeSpec>>> {
    let named = files.iter().map(|file| (file.name.as_str(), file.text.as_str()));
    match probe_file::parse_all(named) {
        Ok(probes) => Ok(Some(probes)),
        Err(all) => {
            let errors: usize = all.iter().map(|file| file.list.len()).sum();
            for file in &all {
                writeln!(io.err, "{}", rendered(file))?;
            }
            let (errors, files) = (plural(errors, "error"), plural(all.len(), "file"));
            writeln!(io.err, "{errors} in {files}")?;
            Ok(None)
        }
    }
}

/// `1 file`, `2 files`.
pub(crate) fn plural(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_read_in_order_of_file_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yml", "readme.md"] {
            fs::write(folder.path().join(name), "probe: x").unwrap();
        }
        let files = read(&[folder.path().to_owned()]).unwrap();
        let names: Vec<&str> =
            files.iter().filter_map(|file| file.name.rsplit('/').next()).collect();
        assert_eq!(names, ["a.yml", "b.yaml"]);
    }

    #[test]
    fn unreadable_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.yaml");
        let error = format!("{:#}", read(&[missing]).unwrap_err());
        assert!(error.contains("missing.yaml") && error.contains("No such file"), "{error}");
        assert!(!error.contains("hint"), "{error}");
        let address = format!("{:#}", read(&[folder.path().join("127.0.0.1:7860")]).unwrap_err());
        assert!(address.contains("hint: the address of an app starts with `http://`"), "{address}");
        let empty = format!("{:#}", read(&[folder.path().to_owned()]).unwrap_err());
        assert!(empty.ends_with("has no probe file (`*.yaml`)"), "{empty}");
        let large = folder.path().join("large.yaml");
        fs::write(&large, "x".repeat(LARGEST_FILE + 1)).unwrap();
        assert!(read(&[large]).unwrap_err().to_string().contains("larger than 262144 bytes"));
        let binary = folder.path().join("binary.yaml");
        fs::write(&binary, [0xff, 0xfe]).unwrap();
        assert!(read(&[binary]).unwrap_err().to_string().contains("not UTF-8 text"));
    }
}

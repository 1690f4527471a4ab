//! Files of an archive.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative, with `/` between folders.
    pub path: String,
    pub content: Vec<u8>,
    pub is_program: bool,
}

impl Entry {
    pub fn file(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), content: content.into(), is_program: false }
    }

    pub fn program(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), content: content.into(), is_program: true }
    }

    /// An empty folder in which every user may create files; in tar archives only.
    #[must_use]
    pub fn shared_folder(path: &str) -> Self {
        Self::file(format!("{path}/"), Vec::new())
    }

    /// If the entry is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.path.ends_with('/')
    }

    /// Unix permissions.
    #[must_use]
    pub fn mode(&self) -> u32 {
        match (self.is_folder(), self.is_program) {
            (true, _) => 0o1777,
            (false, true) => 0o755,
            (false, false) => 0o644,
        }
    }
}

/// Reads a file of the checkout, with its name there.
pub fn copy(root: &Path, path: &str) -> anyhow::Result<Entry> {
    let file = root.join(path);
    let content = fs::read(&file).with_context(|| format!("`{}`", file.display()))?;
    Ok(Entry { path: path.to_owned(), content, is_program: is_script(path) })
}

/// Reads the files of a folder of the checkout and of the folders in it, without hidden ones and caches.
pub fn copy_folder(root: &Path, folder: &str) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let path = root.join(folder);
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).with_context(|| format!("`{}`", path.display()))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names.iter().filter(|name| is_shipped(name)) {
        let inner = format!("{folder}/{name}");
        if root.join(&inner).is_dir() {
            entries.extend(copy_folder(root, &inner)?);
        } else {
            entries.push(copy(root, &inner)?);
        }
    }
    Ok(entries)
}

fn is_shipped(name: &str) -> bool {
    let is_hidden = name.starts_with('.') && name != ".env.example";
    !is_hidden && name != "__pycache__"
}

fn is_script(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "sh")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_copied_without_hidden_files() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::create_dir(root.path().join("a/__pycache__")).unwrap();
        for name in ["c.sh", "a.txt", ".env", ".env.example"] {
            fs::write(inner.join(name), name).unwrap();
        }
        fs::write(root.path().join("a/__pycache__/x.pyc"), "").unwrap();
        let entries = copy_folder(root.path(), "a").unwrap();
        let found: Vec<(&str, u32)> =
            entries.iter().map(|entry| (entry.path.as_str(), entry.mode())).collect();
        assert_eq!(found, [("a/b/.env.example", 0o644), ("a/b/a.txt", 0o644), ("a/b/c.sh", 0o755)]);
    }
}

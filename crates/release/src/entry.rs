//! Files of an archive.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative, with `/` between folders.
    pub path: String,
    /// Of a file. A link has its target here; a folder has none.
    pub content: Vec<u8>,
    pub kind: Kind,
}

/// What an entry is. Only tar archives have folders and links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Program,
    /// An empty folder in which every user may create files.
    SharedFolder,
    /// A symbolic link.
    Link,
}

impl Entry {
    pub fn file(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), content: content.into(), kind: Kind::File }
    }

    pub fn program(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), content: content.into(), kind: Kind::Program }
    }

    #[must_use]
    pub fn shared_folder(path: &str) -> Self {
        Self { kind: Kind::SharedFolder, ..Self::file(format!("{path}/"), Vec::new()) }
    }

    /// Unix permissions.
    #[must_use]
    pub fn mode(&self) -> u32 {
        match self.kind {
            Kind::File => 0o644,
            Kind::Program => 0o755,
            Kind::SharedFolder => 0o1777,
            Kind::Link => 0o777,
        }
    }
}

/// Reads a file of the checkout, with its name there. A link stays a link.
pub fn copy(root: &Path, path: &str) -> anyhow::Result<Entry> {
    let file = root.join(path);
    let named = || format!("`{}`", file.display());
    let entry = if file.is_symlink() {
        let target = fs::read_link(&file).with_context(named)?;
        let target = target.to_str().with_context(named)?;
        Entry { kind: Kind::Link, ..Entry::file(path, target) }
    } else {
        let kind = if is_script(path) { Kind::Program } else { Kind::File };
        Entry { kind, ..Entry::file(path, fs::read(&file).with_context(named)?) }
    };
    Ok(entry)
}

/// Reads the files of a folder of the checkout and of the folders in it, without hidden ones and what other tools write.
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

/// What other tools write into a checkout, such as the commands of examples/cdk.
const CREATED: [&str; 3] = ["__pycache__", "cdk.out", "node_modules"];

fn is_shipped(name: &str) -> bool {
    let is_hidden = name.starts_with('.') && name != ".env.example";
    !is_hidden && !CREATED.contains(&name)
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
        for folder in ["__pycache__", "node_modules", "cdk.out"] {
            fs::create_dir(root.path().join("a").join(folder)).unwrap();
            fs::write(root.path().join("a").join(folder).join("x"), "").unwrap();
        }
        for name in ["c.sh", "a.txt", ".env", ".env.example"] {
            fs::write(inner.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("b/a.txt", root.path().join("a/link")).unwrap();
        let entries = copy_folder(root.path(), "a").unwrap();
        let found: Vec<(&str, Kind)> =
            entries.iter().map(|entry| (entry.path.as_str(), entry.kind)).collect();
        let expected = [
            ("a/b/.env.example", Kind::File),
            ("a/b/a.txt", Kind::File),
            ("a/b/c.sh", Kind::Program),
            ("a/link", Kind::Link),
        ];
        assert_eq!(found, expected);
        assert_eq!(entries[3].content, b"b/a.txt");
    }
}

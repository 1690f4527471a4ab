//! The same sources and programs give the same files. The folder, times, permissions and order of the files of a checkout
//! may differ.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use deploy::build::{Architecture, FUNCTIONS};
use tempfile::TempDir;

use crate::entry::{Entry, Kind, copy, copy_folder};
use crate::{aws, linux, oci, pack, wheel};

const PROGRAM: &[u8] = b"program";

/// How two checkouts differ.
#[derive(Clone, Copy)]
struct Machine {
    reversed: bool,
    mode: u32,
    /// Seconds after 1970.
    modified: u64,
}

/// A copy of what a release is made from.
fn checkout(machine: Machine) -> TempDir {
    let root = deploy::run::root();
    let folders = aws::FOLDERS.into_iter().chain(["packaging", "crates/deploy/requirements"]);
    let mut entries: Vec<Entry> =
        folders.flat_map(|folder| copy_folder(root, folder).unwrap()).collect();
    for file in ["samconfig.toml", "LICENSE", "CHANGELOG.md", "crates/cli/prices.json"] {
        entries.push(copy(root, file).unwrap());
    }
    let functions = FUNCTIONS.iter().map(|name| format!("functions/{name}/bootstrap"));
    entries.extend(functions.map(|path| Entry::program(path, PROGRAM)));
    if machine.reversed {
        entries.reverse();
    }
    // A folder in memory lists its files in the order of their creation, most others do not.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    for entry in entries {
        write(&folder.path().join(&entry.path), &entry, machine);
    }
    folder
}

fn write(path: &Path, entry: &Entry, machine: Machine) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if entry.kind == Kind::Link {
        return symlink(std::str::from_utf8(&entry.content).unwrap(), path).unwrap();
    }
    fs::write(path, &entry.content).unwrap();
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(machine.modified);
    File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    fs::set_permissions(path, Permissions::from_mode(machine.mode)).unwrap();
}

/// A program with the subcommands of `vigie` that write the completions and the manual.
fn helper(folder: &Path, pages: &str) -> std::path::PathBuf {
    let path = folder.join("helper");
    let script = format!(
        "#!/bin/sh\nif [ $1 = man ]; then mkdir -p $3; for page in {pages}; do echo $page >$3/$page; done\n\
         else echo completions for $2; fi\n"
    );
    // Written by another process: a program that this one has open for writing cannot be executed.
    let mut shell = Command::new("sh");
    shell.args(["-c", "printf %s \"$0\" >\"$1\" && chmod 755 \"$1\"", &script]).arg(&path);
    assert!(shell.status().unwrap().success());
    path
}

/// Names and bytes of the release files.
async fn files(machine: Machine) -> Vec<(&'static str, Vec<u8>)> {
    let folder = checkout(machine);
    let (root, x86) = (folder.path(), Architecture::X86);
    let aws = aws::entries(root, &root.join("functions"), x86).unwrap();
    let pages = if machine.reversed { "vigie-run.1 vigie.1" } else { "vigie.1 vigie-run.1" };
    let programs = tempfile::tempdir().unwrap();
    let command =
        linux::entries(root, PROGRAM.to_vec(), &helper(programs.path(), pages)).await.unwrap();
    let image = oci::image(&oci::files(PROGRAM.to_vec(), b"certificates".to_vec()), x86).unwrap();
    let wheel = wheel::wheel(PROGRAM.to_vec(), &command, "# Vigie", "license", x86).unwrap();
    vec![
        ("archive for AWS", pack::tar_gz("aws", &aws).unwrap()),
        ("archive of the command", pack::tar_gz("linux", &command).unwrap()),
        ("image", image),
        ("wheel", wheel),
    ]
}

#[tokio::test]
async fn files_of_two_checkouts_are_equal() {
    let one = files(Machine { reversed: false, mode: 0o644, modified: 1_600_000_000 }).await;
    let other = files(Machine { reversed: true, mode: 0o600, modified: 1_700_000_000 }).await;
    for ((name, one), (_, other)) in one.iter().zip(&other) {
        assert!(one == other, "{name}: {} and {} bytes", one.len(), other.len());
    }
}

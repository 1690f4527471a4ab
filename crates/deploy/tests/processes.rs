//! Programs end with the process that started them, also when it was killed.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use deploy::process::Processes;
use tokio::process::Command;

fn open(folder: &Path) -> (Processes, Vec<String>) {
    Processes::open(&folder.join("run"), &folder.join("logs")).expect("no other run has the folder")
}

/// A shell that starts a child, writes down the child's process id, and waits without end.
fn shell_with_a_child(folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 600 & echo $! > child; wait"]).current_dir(folder);
    command
}

async fn child_of(folder: &Path) -> i32 {
    loop {
        let text = fs::read_to_string(folder.join("child")).unwrap_or_default();
        match text.trim().parse() {
            Ok(pid) if text.ends_with('\n') => return pid,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// A zombie is no longer alive, even if its status was not read yet.
fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

async fn assert_ends(pid: i32) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while is_alive(pid) {
        assert!(Instant::now() < deadline, "process {pid} goes on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn dropped_program_ends_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let (processes, _) = open(folder.path());
    let running = processes.start("shell", &mut shell_with_a_child(folder.path())).unwrap();
    let child = child_of(folder.path()).await;
    assert!(is_alive(child));

    drop(running);

    assert_ends(child).await;
    assert_eq!(open_again(processes, folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn next_run_ends_the_processes_of_a_killed_run() {
    let folder = tempfile::tempdir().unwrap();
    let (processes, _) = open(folder.path());
    let running = processes.start("shell", &mut shell_with_a_child(folder.path())).unwrap();
    let child = child_of(folder.path()).await;
    // As if this very program had been killed: nothing is dropped, but the lock is free.
    std::mem::forget(running);

    let ended = open_again(processes, folder.path());

    assert_eq!(ended, ["shell"]);
    assert_ends(child).await;
}

/// Process ids are given out again: the file of a dead program may name a stranger.
#[tokio::test]
async fn other_process_with_the_same_id_is_not_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut stranger = Command::new("sleep")
        .arg("600")
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = i32::try_from(stranger.id().unwrap()).unwrap();
    fs::create_dir_all(folder.path().join("run")).unwrap();
    let file = folder.path().join("run/emulator.pid");
    fs::write(&file, format!("{pid} 12345\n")).unwrap();

    let (_processes, ended) = open(folder.path());

    assert_eq!(ended, Vec::<String>::new());
    assert!(is_alive(pid));
    assert!(!file.exists());
    stranger.kill().await.unwrap();
}

#[tokio::test]
async fn concurrent_run_is_rejected_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let (_first, _) = open(folder.path());

    let second = Processes::open(&folder.path().join("run"), &folder.path().join("logs"));

    let error = second.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.starts_with("another process has locked `"), "{error}");
    assert!(error.ends_with("hint: wait until it ends, or end it with Ctrl-C"), "{error}");
}

#[tokio::test]
async fn failure_shows_the_end_of_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let (processes, _) = open(folder.path());
    let mut command = Command::new("sh");
    command.args(["-c", "echo first; echo the reason >&2; exit 3"]);

    let error = processes.run("broken", &mut command).await.unwrap_err().to_string();

    assert!(error.starts_with("`broken` ended with exit status: 3\nlog: "), "{error}");
    assert!(error.ends_with("first\n  the reason"), "{error}");
}

fn open_again(processes: Processes, folder: &Path) -> Vec<String> {
    drop(processes);
    open(folder).1
}

//! Starts programs and stops them.
//!
//! Each program has its own process group and a file with its process ID, so that the next run can stop the
//! programs of a run that was killed. The operating system reuses process IDs, so the start time must match too.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};

use crate::error::FileError;

/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);
/// Time between two reports of the log of a running program.
const REPORT_INTERVAL: Duration = Duration::from_secs(20);

/// Why a program was not started, or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("another process has locked `{}`\nhint: wait until it ends, or end it with Ctrl-C", .lock.display())]
    Locked { lock: PathBuf },
    #[error("could not start `{program}`")]
    Start { program: String, source: std::io::Error },
    #[error("`{name}` ended at once")]
    EndedAtOnce { name: String },
    #[error("could not wait for `{name}`")]
    Wait { name: String, source: std::io::Error },
    /// Its output was shown.
    #[error("`{name}` ended with {status}; see above")]
    Failed { name: String, status: ExitStatus },
    #[error("`{name}` ended with {status}\n{log}")]
    FailedWithLog { name: String, status: ExitStatus, log: String },
}

/// Starts programs and records their process IDs in a folder, which it locks.
#[derive(Clone)]
pub struct Processes {
    folder: PathBuf,
    logs: PathBuf,
    _lock: Arc<File>,
}

impl Processes {
    /// Locks `folder` and stops the programs of an earlier run; returns their names.
    pub fn open(folder: &Path, logs: &Path) -> Result<(Self, Vec<String>), ProcessError> {
        fs::create_dir_all(folder).map_err(FileError::writing(folder))?;
        fs::create_dir_all(logs).map_err(FileError::writing(logs))?;
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(FileError::writing(&path))?;
        if lock.try_lock().is_err() {
            return Err(ProcessError::Locked { lock: path });
        }
        let ended = end_recorded(folder)?;
        let logs = logs.to_owned();
        Ok((Self { folder: folder.to_owned(), logs, _lock: Arc::new(lock) }, ended))
    }

    /// Stops all running programs.
    pub fn end_all(&self) {
        // Each program is also ended when its `Running` is dropped; this is for exits without drops.
        let _ = end_recorded(&self.folder);
    }

    /// The log file of `name`.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    /// Starts `command` in the background and writes its output to the log of `name`.
    pub fn start(&self, name: &str, command: &mut Command) -> Result<Running, ProcessError> {
        let log = self.log(name);
        let output = File::options().create(true).append(true).open(&log);
        let output = output.map_err(FileError::writing(&log))?;
        let errors = output.try_clone().map_err(FileError::writing(&log))?;
        self.spawn(name, command.stdout(output).stderr(errors))
    }

    fn spawn(&self, name: &str, command: &mut Command) -> Result<Running, ProcessError> {
        let program = command.as_std().get_program().to_owned();
        let child =
            command.stdin(Stdio::null()).process_group(0).kill_on_drop(true).spawn().map_err(
                |source| ProcessError::Start { program: program.display().to_string(), source },
            )?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| ProcessError::EndedAtOnce { name: name.to_owned() })?;
        let file = self.folder.join(format!("{name}.pid"));
        Leader { pid, started: started(pid).unwrap_or_default() }.write(&file)?;
        let (name, log) = (name.to_owned(), self.log(name));
        Ok(Running { name, child: Mutex::new(child), pid, file, log })
    }

    /// Runs `command` and shows its output while it runs.
    pub async fn show(&self, name: &str, command: &mut Command) -> Result<(), ProcessError> {
        let status = self.spawn(name, command)?.child().wait().await;
        let name = name.to_owned();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(ProcessError::Failed { name, status }),
            Err(source) => Err(ProcessError::Wait { name, source }),
        }
    }

    /// Runs `command`. The error of a failed command contains the last lines of its log.
    pub async fn run(&self, name: &str, command: &mut Command) -> Result<(), ProcessError> {
        self.run_and_report(name, command, |_| ()).await
    }

    /// Like [`Processes::run`]; calls `report` with the log so far every 20 s.
    pub async fn run_and_report(
        &self,
        name: &str,
        command: &mut Command,
        report: impl Fn(&str),
    ) -> Result<(), ProcessError> {
        let _ = fs::remove_file(self.log(name));
        let mut running = self.start(name, command)?;
        let log = running.log.clone();
        let status = loop {
            match tokio::time::timeout(REPORT_INTERVAL, running.child().wait()).await {
                Ok(status) => break status,
                Err(_) => report(&fs::read_to_string(&log).unwrap_or_default()),
            }
        };
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(running.failed(status)),
            Err(source) => Err(ProcessError::Wait { name: name.to_owned(), source }),
        }
    }
}

/// A running program. Dropping it kills its process group.
pub struct Running {
    name: String,
    child: Mutex<Child>,
    pid: Pid,
    file: PathBuf,
    log: PathBuf,
}

impl Running {
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// `None` while it runs.
    #[must_use]
    pub fn ended(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.try_wait().ok().flatten()
    }

    fn child(&mut self) -> &mut Child {
        self.child.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends SIGTERM and, if the program still runs after a few seconds, SIGKILL.
    pub async fn stop(mut self) {
        let _ = kill_process_group(self.pid, Signal::TERM);
        let _ = tokio::time::timeout(GRACE, self.child().wait()).await;
    }

    /// Fails if the program has ended.
    pub fn check(&self) -> Result<(), ProcessError> {
        self.ended().map_or(Ok(()), |status| Err(self.failed(status)))
    }

    fn failed(&self, status: ExitStatus) -> ProcessError {
        ProcessError::FailedWithLog { name: self.name.clone(), status, log: self.tail() }
    }

    /// The last lines of its log, with its path.
    #[must_use]
    pub fn tail(&self) -> String {
        tail(&self.log, 15)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The group as well as the leader: a shell or a Python launcher may have left children.
        end(self.pid, Duration::ZERO);
        let _ = fs::remove_file(&self.file);
    }
}

/// The path of a log and its last `lines` lines, at most 20,000 bytes.
#[must_use]
pub fn tail(log: &Path, lines: usize) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(20_000)..]).into_owned();
    let all: Vec<&str> = text.lines().collect();
    let shown = all[all.len().saturating_sub(lines)..].join("\n  ");
    format!("log: {}\n  {shown}", log.display())
}

/// Stops the programs that have a file in `folder`; returns their names.
fn end_recorded(folder: &Path) -> Result<Vec<String>, FileError> {
    let mut ended = Vec::new();
    for entry in fs::read_dir(folder).map_err(FileError::reading(folder))? {
        let path = entry.map_err(FileError::reading(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "pid") {
            if let Some(leader) = Leader::read(&path).filter(Leader::is_alive) {
                end(leader.pid, Duration::ZERO);
                ended.push(name_of(&path));
            }
            fs::remove_file(&path).map_err(FileError::writing(&path))?;
        }
    }
    Ok(ended)
}

struct Leader {
    pid: Pid,
    /// Clock ticks since boot, from `/proc/PID/stat`; 0 when it could not be read.
    started: u64,
}

impl Leader {
    fn read(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        Some(Self { pid: Pid::from_raw(pid.parse().ok()?)?, started: started.parse().ok()? })
    }

    fn write(&self, path: &Path) -> Result<(), FileError> {
        fs::write(path, format!("{} {}\n", self.pid, self.started))
            .map_err(FileError::writing(path))
    }

    /// Whether the leader is still the same process, or has ended and its group still exists.
    fn is_alive(&self) -> bool {
        match started(self.pid) {
            Some(started) => started == self.started,
            None => test_kill_process_group(self.pid).is_ok(),
        }
    }
}

fn started(pid: Pid) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; field 22 is the 20th after it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Sends SIGTERM to a process group and, after at most `grace`, SIGKILL.
fn end(pid: Pid, grace: Duration) {
    let _ = kill_process_group(pid, Signal::TERM);
    let deadline = Instant::now() + grace;
    while Instant::now() < deadline && test_kill_process_group(pid).is_ok() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = kill_process_group(pid, Signal::KILL);
}

fn name_of(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

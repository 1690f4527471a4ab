//! The apps of one version, started by the first scenario that needs them.

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use deploy::process::Processes;
use deploy::run;
use libtest_mimic::Failed;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, OnceCell};

use crate::fleet::Fleet;
use crate::shape::Shape;
use crate::version::Version;
use crate::vigie::Vigie;

type Outcome<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;
pub(super) type Scenario = for<'a> fn(&'a Bot<'a>) -> Outcome<'a>;

/// Longer than any scenario; each of its parts has its own timeout.
const TIMEOUT: Duration = Duration::from_secs(180);

/// One app with its address and version.
pub(super) struct Bot<'a> {
    pub(super) version: Version,
    pub(super) shape: Shape,
    pub(super) url: String,
    pub(super) vigie: &'a Vigie,
    pub(super) root: &'a Path,
    /// For files; empty at the start of a run.
    pub(super) folder: PathBuf,
}

/// The apps of one version. Their servers end when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Apps {
    version: Version,
    fleet: Arc<OnceCell<Fleet>>,
    /// One scenario at a time for each app: a full queue or a cold start would disturb another.
    locks: Arc<Vec<(Shape, Mutex<()>)>>,
}

impl Apps {
    pub(super) fn of(version: Version) -> Self {
        let locks = Shape::of(&version).map(|shape| (shape, Mutex::default())).collect();
        Self { version, fleet: Arc::default(), locks: Arc::new(locks) }
    }

    pub(super) async fn scenario(self, shape: Shape, scenario: Scenario) -> anyhow::Result<()> {
        let lock = self.locks.iter().find(|(one, _)| *one == shape);
        let (_, lock) = lock.context("the version has no such app")?;
        let _one_at_a_time = lock.lock().await;
        let (root, version) = (run::root(), self.version);
        let start = || async { Fleet::start(root, version, processes()?).await };
        let fleet = self.fleet.get_or_try_init(start).await?;
        let url = fleet.apps().find(|(one, _)| *one == shape).map(|(_, url)| url);
        let folder = root.join("target/servers").join(version.number).join(shape.word());
        let bot = Bot {
            version,
            shape,
            url: url.context("the app was not started")?,
            vigie: vigie().await?,
            root,
            folder,
        };
        let result = tokio::time::timeout(TIMEOUT, scenario(&bot)).await;
        let result = result.unwrap_or_else(|_| Err(anyhow!("took over {TIMEOUT:?}")));
        result.with_context(|| format!("log of the servers: {}", fleet.log().display()))
    }
}

/// Runs a scenario to its end.
pub(super) fn run(scenario: impl Future<Output = anyhow::Result<()>>) -> Result<(), Failed> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread().enable_all().build();
        runtime.expect("a runtime needs threads and file descriptors only")
    });
    // The servers that the scenario starts may be dropped by it as well.
    let _guard = runtime.enter();
    runtime.block_on(scenario).map_err(|error| format!("{error:#}").into())
}

/// The processes of this program; they hold the lock that prevents a second run.
pub(super) fn processes() -> anyhow::Result<&'static Processes> {
    static PROCESSES: OnceLock<Result<Processes, String>> = OnceLock::new();
    let open = || {
        let root = run::root();
        let folder = root.join("target/servers");
        let _ = fs::remove_dir_all(&folder);
        let opened = Processes::open(&root.join("target/e2e-processes"), &folder.join("logs"));
        let (processes, _) = opened.map_err(|error| format!("{error:#}"))?;
        run::end_on_interrupt(processes.clone());
        Ok(processes)
    };
    PROCESSES.get_or_init(open).as_ref().map_err(|error| anyhow!("{error}"))
}

/// The command, built by the first scenario.
async fn vigie() -> anyhow::Result<&'static Vigie> {
    static VIGIE: OnceCell<Vigie> = OnceCell::const_new();
    VIGIE.get_or_try_init(|| async { Vigie::build(run::root(), processes()?).await }).await
}

impl Bot<'_> {
    /// The path of a file in the folder of this app.
    pub(super) fn file(&self, name: &str) -> anyhow::Result<String> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("`{}` could not be created", self.folder.display()))?;
        Ok(self.folder.join(name).to_str().context("the path is not UTF-8")?.to_owned())
    }

    /// Writes a probe of one message, without retries.
    pub(super) fn probe(&self, name: &str, say: &str) -> anyhow::Result<String> {
        let path = self.file(&format!("{name}.yaml"))?;
        let text = format!(
            "probe: {name}\nevery: 2m\ntimeout: 60s\ntarget: {{ url: \"${{BOT_URL}}\" }}\n\
             retry: {{ attempts: 0 }}\nconversation: [ {{ say: \"{say}\" }} ]\n"
        );
        fs::write(&path, text)?;
        Ok(path)
    }
}

pub(super) fn expect<T: PartialEq + Debug>(
    what: &str,
    seen: &T,
    expected: &T,
) -> anyhow::Result<()> {
    ensure!(seen == expected, "{what} is {seen:?}, expected {expected:?}");
    Ok(())
}

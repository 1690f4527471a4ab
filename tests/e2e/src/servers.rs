//! Conversations with real Gradio servers of many versions, in every shape that apps have.
//!
//! The client holds them as a crate of its own, and the `vigie` command as its users do: it says what
//! it found, writes a starter probe, plays it, and plays a probe with every check there is.

mod checks;
mod conversations;
mod discovery;
mod fleet;
mod shape;
pub mod version;
mod vigie;

use std::cell::RefCell;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use futures_util::{StreamExt, stream};

use crate::process::Processes;
use crate::progress::Progress;
use crate::tally::Tally;
use fleet::Fleet;
use shape::Shape;
use version::{NOT_SPOKEN, Version};
use vigie::Vigie;

type Outcome<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;
type Scenario = for<'a> fn(&'a Bot<'a>) -> Outcome<'a>;

/// Versions whose servers run at the same time, and apps of one of them that are visited so.
const VERSIONS_AT_ONCE: usize = 4;
const APPS_AT_ONCE: usize = 3;
/// Far above what any scenario needs: each part of one has a limit of its own.
const PATIENCE: Duration = Duration::from_secs(180);

/// One app, and what is needed to visit it.
struct Bot<'a> {
    version: Version,
    shape: Shape,
    url: String,
    vigie: &'a Vigie,
    root: &'a Path,
    /// For files, empty at first.
    folder: PathBuf,
}

/// Plays all scenarios with each of `versions`, and fails when one of them does.
pub async fn play(
    root: &Path,
    processes: &Processes,
    progress: &Progress,
    versions: &[Version],
) -> anyhow::Result<()> {
    let ready = async {
        let install = async {
            for version in versions {
                version.python.install(root, processes).await?;
            }
            Ok(())
        };
        let (vigie, ()) = tokio::try_join!(Vigie::build(root, processes), install)?;
        Ok((vigie, "built, beside the packages of each version"))
    };
    let vigie = &progress.step("the command for the Gradio servers", ready).await?;
    let tally = &RefCell::new(Tally::default());
    stream::iter(versions)
        .for_each_concurrent(VERSIONS_AT_ONCE, async |&version| {
            let started = Fleet::start(root, version, processes).await;
            let name = format!("gradio_{}::starts", version.number);
            match started {
                Ok(fleet) => visit(root, vigie, &fleet, tally).await,
                Err(error) => tally.borrow_mut().note(&name, Err(error)),
            }
        })
        .await;
    tally.borrow().close()
}

/// Plays the scenarios of every app of one version: those of one app in their order, since a full
/// queue or a cold start would disturb the others.
async fn visit(root: &Path, vigie: &Vigie, fleet: &Fleet, tally: &RefCell<Tally>) {
    let version = fleet.version;
    stream::iter(fleet.apps())
        .for_each_concurrent(APPS_AT_ONCE, async |(shape, url)| {
            let folder = root.join("target/servers").join(version.number).join(shape.word());
            let _ = fs::remove_dir_all(&folder);
            let bot = Bot { version, shape, url, vigie, root, folder };
            for (name, scenario) in scenarios(version, shape) {
                let name = format!("gradio_{}::{}::{name}", version.number, shape.word());
                let result = tokio::time::timeout(PATIENCE, scenario(&bot)).await;
                let result = result.unwrap_or_else(|_| Err(anyhow!("took over {PATIENCE:?}")));
                let log = fleet.log().display();
                let result =
                    result.map_err(|error| anyhow!("{error:#}\nlog of the servers: {log}"));
                tally.borrow_mut().note(&name, result);
            }
        })
        .await;
}

fn scenarios(version: Version, shape: Shape) -> Vec<(&'static str, Scenario)> {
    if version.number == NOT_SPOKEN.number {
        return vec![("is_refused_by_its_name", |bot| Box::pin(discovery::not_spoken(bot)))];
    }
    let mut all: Vec<(&'static str, Scenario)> = Vec::new();
    if shape == Shape::Login {
        all.push(("refuses_who_may_not_log_in", |bot| Box::pin(conversations::refused(bot))));
    }
    if shape.remembers() {
        all.push(("remembers_within_a_conversation_and_nowhere_else", |bot| {
            Box::pin(conversations::memory(bot))
        }));
    }
    all.extend::<Vec<(&'static str, Scenario)>>(match shape {
        Shape::Stream => vec![
            ("an_error_is_the_apps_and_the_conversation_goes_on", |bot| {
                Box::pin(conversations::errors(bot))
            }),
            ("an_error_of_the_app_is_down_with_its_words", |bot| Box::pin(checks::app_error(bot))),
            ("every_check_there_is_passes", |bot| Box::pin(checks::passing(bot))),
            ("every_check_there_is_fails_with_what_was_found", |bot| {
                Box::pin(checks::failing(bot))
            }),
        ],
        Shape::Chain => vec![("an_error_is_the_apps_and_the_conversation_goes_on", |bot| {
            Box::pin(conversations::errors(bot))
        })],
        Shape::Plain => {
            vec![("every_turn_is_answered", |bot| Box::pin(conversations::turns(bot)))]
        }
        Shape::Inputs => vec![("inputs_have_defaults_or_are_given_by_label_or_name", |bot| {
            Box::pin(conversations::inputs(bot))
        })],
        Shape::Busy => vec![
            ("a_full_queue_turns_visitors_away", |bot| Box::pin(conversations::full_queue(bot))),
            ("a_full_queue_is_down_with_its_reason", |bot| Box::pin(checks::full_queue(bot))),
        ],
        _ => Vec::new(),
    });
    let found: [(&'static str, Scenario); 3] = [
        ("what_was_found_is_told_as_text", |bot| Box::pin(discovery::as_text(bot))),
        ("what_was_found_is_told_as_json", |bot| Box::pin(discovery::as_json(bot))),
        ("the_starter_probe_is_up", |bot| Box::pin(discovery::starter(bot))),
    ];
    all.extend(found);
    all
}

impl Bot<'_> {
    /// The path of a file of this app's.
    fn file(&self, name: &str) -> anyhow::Result<String> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("`{}` could not be made", self.folder.display()))?;
        Ok(self.folder.join(name).to_str().context("the path is no UTF-8")?.to_owned())
    }

    /// Writes a probe of one message, without a second try.
    fn probe(&self, name: &str, say: &str) -> anyhow::Result<String> {
        let path = self.file(&format!("{name}.yaml"))?;
        let text = format!(
            "probe: {name}\nevery: 2m\ntimeout: 60s\ntarget: {{ url: \"${{BOT_URL}}\" }}\n\
             retry: {{ attempts: 0 }}\nconversation: [ {{ say: \"{say}\" }} ]\n"
        );
        fs::write(&path, text)?;
        Ok(path)
    }
}

fn expect<T: PartialEq + Debug>(what: &str, seen: &T, expected: &T) -> anyhow::Result<()> {
    if seen != expected {
        bail!("{what} is {seen:?}, expected {expected:?}");
    }
    Ok(())
}

//! Dead letters in a folder.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use domain::USER_AGENT;
use jiff::Timestamp;
use remote_write::{Auth, Client, EntryOutcome, SendPolicy, Settings};
use samples::Protocol;
use scrape_engine::dead_letters::{DeadLetter, Folder};
use secrecy::SecretString;

use super::{Row, Which, done};
use crate::{Exit, Io};

/// Attempts of a request, about 4 s.
const ATTEMPTS: u32 = 8;

/// Where `retry` sends the samples.
pub(super) struct Receiver<'a> {
    pub(super) url: &'a str,
    pub(super) protocol: Protocol,
    pub(super) user: Option<&'a str>,
}

impl Receiver<'_> {
    fn client(&self) -> anyhow::Result<Client> {
        let mut settings = Settings::new(self.url)?;
        USER_AGENT.clone_into(&mut settings.user_agent);
        settings.protocol = self.protocol;
        let variable = |name: &str| std::env::var(name).ok().map(SecretString::from);
        settings.auth = match (self.user, variable("VIGIE_REMOTE_WRITE_TOKEN")) {
            (Some(user), _) => {
                let password = variable("VIGIE_REMOTE_WRITE_PASSWORD")
                    .context("`VIGIE_REMOTE_WRITE_PASSWORD` is not set; `--user` requires it")?;
                Auth::Basic { user: user.to_owned(), password }
            }
            (None, Some(token)) => Auth::Bearer(token),
            (None, None) => Auth::None,
        };
        Ok(Client::new(settings)?)
    }
}

pub(super) fn rows(path: &Path) -> anyhow::Result<Vec<Row>> {
    let letters = Folder::new(path.to_owned()).list()?;
    let row = |letter: DeadLetter| Row {
        due: Timestamp::from_millisecond(letter.message.due.as_millis()).ok(),
        samples: Some(letter.message.entries.len()),
        id: letter.id,
        reason: letter.reason,
    };
    Ok(letters.into_iter().map(row).collect())
}

pub(super) fn drop(path: &Path, which: &Which, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let folder = Folder::new(path.to_owned());
    let mut count = 0;
    for letter in folder.list()?.into_iter().filter(|letter| which.has(&letter.id)) {
        folder.remove(&letter.id)?;
        count += 1;
    }
    done("dropped", count, which, io)
}

pub(super) async fn retry(
    path: &Path,
    which: &Which,
    receiver: &Receiver<'_>,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let folder = Folder::new(path.to_owned());
    let mut client = receiver.client()?;
    let policy = SendPolicy { attempts: ATTEMPTS, ..SendPolicy::default() };
    let mut count = 0;
    for letter in folder.list()?.into_iter().filter(|letter| which.has(&letter.id)) {
        let entries = &letter.message.entries;
        let outcome = client.write(entries, SystemTime::now().into(), policy).await;
        if let Some(blocked) = outcome.blocked {
            bail!("the receiver does not accept samples: {}", blocked.cause);
        }
        let written = outcome.count(|entry| *entry == EntryOutcome::Written);
        if written == entries.len() {
            folder.remove(&letter.id)?;
            count += 1;
            continue;
        }
        let first = outcome.entries.iter().find_map(|entry| match entry {
            EntryOutcome::Refused(refusal) => Some(format!("not sent: {}", refusal.as_str())),
            EntryOutcome::Rejected(rejection) => Some(format!("the receiver answered {rejection}")),
            EntryOutcome::Unsent | EntryOutcome::Written => None,
        });
        let (id, reason) = (&letter.id, first.unwrap_or_default());
        let rejected = entries.len() - written;
        writeln!(io.err, "{id}: {rejected} of {} samples rejected again; {reason}", entries.len())?;
    }
    done("sent", count, which, io)
}

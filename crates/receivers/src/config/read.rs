//! Reads `infra/routes.json` and reports mistakes with their place in the file.

use notify::Routes;

use super::raw::{File, Mistake, place, span};
use super::{Configuration, Receiver, check};

/// The largest file that is read, in bytes.
const LARGEST_FILE: usize = 256 * 1024;
const MOST_RECEIVERS: usize = 50;

/// Reads the file.
///
/// # Errors
/// The first mistake of its syntax, or every mistake of its content.
pub fn parse(source: &str) -> Result<Configuration, Vec<Mistake>> {
    if LARGEST_FILE < source.len() {
        return Err(vec![Mistake {
            message: format!("the file has {} bytes", source.len()),
            expected: format!("expected at most {LARGEST_FILE}"),
            at: 0..1,
        }]);
    }
    let file: File = serde_saphyr::from_str_with_options(
        source,
        serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_depth: 12,
                max_nodes: 20_000,
                max_events: 60_000,
                max_aliases: 0,
                max_anchors: 0,
                max_documents: 1,
            },
            strict_booleans: true,
            with_snippet: false,
        },
    )
    .map_err(|error| vec![syntax(&error)])?;
    let mut mistakes = Vec::new();
    let mut receivers: Vec<Receiver> = Vec::new();
    if let Some(one) = file.receivers.get(MOST_RECEIVERS) {
        mistakes.push(Mistake {
            message: format!("the file has {} receivers", file.receivers.len()),
            expected: format!("expected at most {MOST_RECEIVERS}"),
            at: place(one),
        });
    }
    for one in file.receivers.iter().take(MOST_RECEIVERS) {
        let receiver = check::receiver(one, &mut mistakes);
        if let Some(receiver) = receiver {
            if receivers.iter().any(|other| other.name == receiver.name) {
                mistakes.push(Mistake {
                    message: format!("two receivers have the name `{}`", receiver.name),
                    expected: "expected a unique name".to_owned(),
                    at: one.value.name.as_ref().map_or(place(one), place),
                });
            }
            receivers.push(receiver);
        }
    }
    if mistakes.is_empty() {
        Ok(Configuration { routes: Routes { routes: file.routes }, receivers })
    } else {
        mistakes.sort_by_key(|mistake| mistake.at.start);
        Err(mistakes)
    }
}

fn syntax(error: &serde_saphyr::Error) -> Mistake {
    let start = error.location().map(|location| span(&location)).unwrap_or_default();
    let message = error.to_string();
    let message = message.lines().next().unwrap_or_default().to_owned();
    Mistake { message, expected: "expected another value".to_owned(), at: start }
}

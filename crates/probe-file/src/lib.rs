//! Reads a probe file and tells every mistake in it with file, line and column.
//!
//! Two passes: YAML becomes a tree that knows where each value stands; a walk over it checks every
//! key, type, range and rule, and notes all that is wrong instead of stopping at the first mistake.
//!
//! ```
//! let mistakes = probe_file::parse("probe: bot\nevry: 1m\n", "probes/bot.yaml").unwrap_err();
//! let hints: Vec<&str> = mistakes.list.iter().filter_map(|mistake| mistake.hint.as_deref()).collect();
//! assert!(hints.contains(&"did you mean `every`?"), "{hints:?}");
//! ```

mod conversation;
mod diagnostic;
mod files;
mod keys;
pub mod label;
mod node;
mod probe;
mod schema;
mod target;
mod units;
mod walk;

use domain::ProbeSpec;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use files::parse_all;
pub use schema::schema;
pub use units::{duration as parse_duration, written as written_duration};

use crate::walk::Walk;

/// The largest file that is read, in bytes.
pub const LARGEST_FILE: usize = 256 * 1024;

/// Reads a probe file; `file` is its name as messages show it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(text: &str, file: &str) -> Result<ProbeSpec, Diagnostics> {
    let one = |mistake| Diagnostics::new(file, text, vec![mistake]);
    if text.len() > LARGEST_FILE {
        let message = format!("the file has {} bytes", text.len());
        let short = &text[..text.floor_char_boundary(200)];
        let mistake = Diagnostic::new(&(0..1), message, format!("expected at most {LARGEST_FILE}"));
        return Err(Diagnostics::new(file, short, vec![mistake]));
    }
    let root = node::read(text).map_err(|error| one(not_yaml(text, &error)))?;
    let mut walk = Walk::new(text);
    match probe::probe(&mut walk, &root) {
        Some(probe) if walk.mistakes.is_empty() => Ok(probe),
        _ => Err(Diagnostics::new(file, text, walk.mistakes)),
    }
}

/// What serde-saphyr says of a file that is no YAML, at its place.
fn not_yaml(text: &str, error: &serde_saphyr::Error) -> Diagnostic {
    let at =
        error.location().map_or(0, |location| offset(text, location.line(), location.column()));
    let message = error.without_snippet().to_string();
    let message = message.lines().next().unwrap_or_default();
    // The place stands below the message anyway.
    let message = message.split(" at line ").next().unwrap_or_default();
    let mistake = Diagnostic::new(&(at..at), "not readable as YAML", message);
    mistake.hint("the mistake may be on a line before: a bracket or a quote that is not closed")
}

/// Bytes before a line and column, both from 1; the column counts characters.
fn offset(text: &str, line: u64, column: u64) -> usize {
    let index = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let lines = text.split_inclusive('\n');
    let before: usize = lines.clone().take(index(line)).map(str::len).sum();
    let within = lines.clone().nth(index(line)).unwrap_or_default();
    before + within.char_indices().nth(index(column)).map_or(0, |(offset, _)| offset)
}

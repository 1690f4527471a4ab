//! Reads a probe file and reports every mistake in it with file, line and column.
//!
//! The first pass turns YAML into a tree in which every value has its place. The second pass checks
//! every key, type, range and rule, and collects all mistakes instead of stopping at the first.
//!
//! ```
//! let mistakes = probe_file::parse("probe: bot\nevry: 1m\n", "probes/bot.yaml").unwrap_err();
//! let hints: Vec<&str> = mistakes.list.iter().filter_map(|mistake| mistake.hint.as_deref()).collect();
//! assert!(hints.contains(&"did you mean `every`?"), "{hints:?}");
//! ```

mod common;
mod conversation;
mod diagnostic;
mod files;
mod files_of_turn;
mod keys;
pub mod label;
mod maintenance;
mod node;
mod placement;
mod probe;
mod schema;
mod scrape;
mod scrape_http;
mod tags;
mod target;
mod units;
mod unknown_tags;
mod walk;
mod yaml_error;

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
/// Every mistake in the file.
pub fn parse(text: &str, file: &str) -> Result<ProbeSpec, Diagnostics> {
    // Some editors write a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let one = |mistake| Diagnostics::new(file, text, vec![mistake]);
    if text.len() > LARGEST_FILE {
        let message = format!("the file has {} bytes", text.len());
        let short = &text[..text.floor_char_boundary(200)];
        let mistake = Diagnostic::new(&(0..1), message, format!("expected at most {LARGEST_FILE}"));
        return Err(Diagnostics::new(file, short, vec![mistake]));
    }
    let root = node::read(text).map_err(|error| one(yaml_error::diagnostic(text, &error)))?;
    let mut walk = Walk::new(text);
    unknown_tags::refuse(&mut walk, &root);
    match probe::probe(&mut walk, &root) {
        Some(probe) if walk.mistakes.is_empty() => Ok(probe),
        _ => Err(Diagnostics::new(file, text, walk.mistakes)),
    }
}

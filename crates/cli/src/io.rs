//! The output streams of the command.

use std::io::Write;

/// Output streams of the command. Text is always written with colours; the streams remove them if needed.
pub struct Io<'a> {
    /// Results.
    pub out: &'a mut (dyn Write + Send),
    /// Messages and progress.
    pub err: &'a mut (dyn Write + Send),
    /// Whether `err` is a terminal, on which progress lines are redrawn.
    pub live: bool,
}

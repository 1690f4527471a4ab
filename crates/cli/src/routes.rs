//! Reads `infra/routes.json` and shows its mistakes with the lines that contain them.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use probe_file::{Diagnostic, Diagnostics};
use receivers::Configuration;

use crate::Io;
use crate::diagnostics::rendered;

/// The file of the checkout.
pub(crate) const ROUTES: &str = "infra/routes.json";
/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 256 * 1024;

/// Whether a path on the command line names a file of routes.
pub(crate) fn is_routes(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "routes.json")
}

/// Reads the file; `None` after its mistakes were shown.
pub(crate) fn read(path: &Path, io: &mut Io<'_>) -> anyhow::Result<Option<Configuration>> {
    let named = || format!("could not read `{}`", path.display());
    let size = fs::metadata(path).with_context(named)?.len();
    if LARGEST_FILE < size {
        bail!("`{}` has {size} bytes; expected at most {LARGEST_FILE}", path.display());
    }
    let text = fs::read_to_string(path).with_context(named)?;
    let mistakes = match receivers::config::parse(&text) {
        Ok(configuration) => return Ok(Some(configuration)),
        Err(mistakes) => mistakes,
    };
    let list = mistakes.into_iter().map(|mistake| Diagnostic {
        message: visible(&mistake.message),
        expected: visible(&mistake.expected),
        hint: None,
        at: mistake.at,
    });
    let diagnostics =
        Diagnostics { file: path.display().to_string(), source: text, list: list.collect() };
    writeln!(io.err, "{}", rendered(&diagnostics))?;
    Ok(None)
}

fn visible(text: &str) -> String {
    redact::one_line(text, 500)
}

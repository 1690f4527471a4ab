//! The status page as HTML, badges, feed and JSON: pure, from plain data ([`model`]).
//!
//! Pages need no script. The script of [`SCRIPT`] only refreshes them and shows times in the reader's time zone.
//! Every text from outside is escaped by [`maud`] and shown by [`report_page::Text`]. A page for [`Audience::Public`] has no
//! prompts, replies, addresses or reasons, except what [`Disclosure`] allows for a probe.

pub mod api;
pub mod badge;
mod bars;
mod chart;
pub mod feed;
mod format;
mod incident;
mod language;
mod layout;
mod locale;
pub mod model;
mod overview;
mod probe;
mod runs;
#[cfg(test)]
mod tests;
pub mod views;

pub use incident::{incident, incidents};
pub use layout::message;
pub use locale::Language;
pub use model::{Audience, Disclosure, Site, State};
pub use overview::overview;
pub use probe::probe;

/// The style sheet, served as `/assets/status.css`.
pub const STYLE: &str = include_str!("../assets/status.css");

/// The script, served as `/assets/status.js`.
pub const SCRIPT: &str = include_str!("../assets/status.js");

/// The `Content-Security-Policy` of every page.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

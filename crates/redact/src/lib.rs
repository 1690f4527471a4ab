//! Makes text from outside safe to show: secrets and invisible characters are removed.
//!
//! Every crate that shows text from a server uses this one, so that there is one placeholder
//! ([`PLACEHOLDER`]) and one definition of an invisible character ([`is_hidden`]).

mod credentials;
mod redactor;
mod spelling;
mod visible;

pub use credentials::{redact_credential_forms, redact_credentials};
pub use redactor::Redactor;
pub use visible::{is_blank, is_hidden, is_invisible, one_line};

/// Replaces a secret.
pub const PLACEHOLDER: &str = "[secret]";

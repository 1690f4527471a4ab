//! Signatures of run requests: the prober runs only what the dispatcher has planned.
//!
//! A probe names the secrets that are sent to its target. Without a signature, everyone who may send a
//! message to the queue of runs, or invoke the prober, could send them to any host.
//!
//! Each execution environment of the dispatcher creates a key a day and stores it in S3 as `signing/ID`. Only the
//! dispatcher may write there, and only the prober may read. S3 needs no interface endpoint in a VPC, and one
//! object for some hours of messages costs nothing.

mod key;
mod request;
mod signer;
mod verifier;

pub use key::{KeyError, SigningKey};
pub use request::{ReadError, Signature, SignedRequest, VERSION};
pub use signer::{SignError, Signer, Signing};
pub use verifier::{Verifier, VerifyError};

/// The folder of the keys in the bucket.
pub const FOLDER: &str = "signing/";

#[cfg(test)]
mod tests;

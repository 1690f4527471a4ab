//! The key of an HMAC-SHA256, and its identifier.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;

pub(crate) const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 8;

/// A key of one execution environment of the dispatcher.
#[derive(Debug)]
pub struct SigningKey {
    id: String,
    bytes: SecretSlice<u8>,
}

/// Why a key is not usable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    #[error("could not read random bytes from the system")]
    Random(#[from] std::io::Error),
    #[error("the key has {found} bytes; expected {KEY_BYTES}")]
    Length { found: usize },
}

impl SigningKey {
    /// A new key from the random number generator of the system.
    ///
    /// # Errors
    /// When the generator cannot be read.
    pub fn random() -> Result<Self, KeyError> {
        let mut bytes = [0; KEY_BYTES + ID_BYTES];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let (id, key) = bytes.split_at(ID_BYTES);
        Self::new(&hex(id), key)
    }

    /// # Errors
    /// When the key has another length.
    pub fn new(id: &str, bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() != KEY_BYTES {
            return Err(KeyError::Length { found: bytes.len() });
        }
        Ok(Self { id: id.to_owned(), bytes: SecretSlice::from(bytes.to_vec()) })
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.expose_secret()
    }

    /// The signature of a text, in hexadecimal digits.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        hex(&self.mac(text).finalize().into_bytes())
    }

    /// Whether the signature is that of the text. The time does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, text: &str, signature: &str) -> bool {
        unhex(signature).is_some_and(|bytes| self.mac(text).verify_slice(&bytes).is_ok())
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let key = Hmac::<Sha256>::new_from_slice(self.bytes());
        key.expect("HMAC takes a key of any length").chain_update(text)
    }
}

/// Whether an identifier has the form that [`SigningKey::random`] gives it. It becomes a part of an S3 key.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 2 * ID_BYTES && unhex(text).is_some()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let is_hex = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let (pairs, rest) = digits.as_chunks::<2>();
    if !is_hex || !rest.is_empty() {
        return None;
    }
    let value = |digit: u8| if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
    Some(pairs.iter().map(|[high, low]| value(*high) * 16 + value(*low)).collect())
}

//! Scripted servers.

pub(crate) mod app;
pub(crate) mod blocks;
pub(crate) mod certificates;
pub(crate) mod clock;
pub(crate) mod http2;
pub(crate) mod request;
pub(crate) mod scripted;
pub(crate) mod transcript;
pub(crate) mod wire;

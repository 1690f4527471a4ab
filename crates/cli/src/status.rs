//! The status page of `vigie serve`.

mod access;
mod actions;
mod pages;
mod readers;

pub(crate) use access::Access;
pub(crate) use actions::{AcknowledgeRequest, Acknowledged};
pub(crate) use pages::{Settings, StatusPages, router};
pub(crate) use readers::Readers;

//! The status page of `vigie serve`.

mod access;
mod pages;
mod views;

pub(crate) use access::Access;
pub(crate) use pages::{Settings, StatusPages, router};

//! Fakes, loaders and fixtures that the tests of every crate share.

pub mod dashboards;
pub mod gradio_app;
pub mod receiver;
pub mod reports;
pub mod runbook;
pub mod template;
pub mod vendors;

//! The `vigie` command.

pub mod render;

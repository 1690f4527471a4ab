//! One module for each subcommand: its arguments, and what it does.

pub mod check;
pub mod completions;
pub mod man;
pub mod render;
pub mod schema;

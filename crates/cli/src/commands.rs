//! One module for each subcommand: its arguments and its implementation.

pub mod agent;
pub mod alerts;
pub mod backtest;
pub mod bridge;
pub mod check;
pub mod completions;
pub mod cost;
pub mod dead_letters;
pub mod deploy;
pub mod discover;
mod edges;
pub mod init;
pub mod man;
pub mod mute;
mod receiver_test;
pub mod render;
pub mod report;
pub mod run;
mod run_list;
pub mod schema;
pub mod serve;
pub mod smoke;
pub mod test_alert;
pub mod top;

//! The command line.

use clap::{Parser, Subcommand};

use crate::commands::{
    bridge, check, completions, cost, discover, man, mute, render, report, run, schema, serve,
    smoke, test_alert,
};

/// Keeps watch over Gradio chatbots by talking to them.
#[derive(Debug, Parser)]
#[command(
    name = "vigie",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 up, 1 down, 2 could not run, 3 degraded; of several files the worst."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// What `vigie` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Run(run::Arguments),
    Check(check::Arguments),
    Discover(discover::Arguments),
    Serve(serve::Arguments),
    Bridge(bridge::Arguments),
    Cost(cost::Arguments),
    Report(report::Arguments),
    Mute(mute::Mute),
    Unmute(mute::Unmute),
    Mutes(mute::Mutes),
    TestAlert(test_alert::Arguments),
    Smoke(smoke::Arguments),
    Render(render::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

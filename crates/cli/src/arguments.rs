//! The command line of `vigie`.

use clap::{Parser, Subcommand};

use crate::commands::{
    agent, alerts, backtest, bridge, check, completions, cost, dead_letters, deploy, discover,
    init, man, mute, render, report, run, schema, serve, smoke, test_alert, top,
};

/// Synthetic prober for Gradio chatbots.
///
/// Vigie holds short conversations with a chatbot on a schedule, checks the replies, and measures their
/// latency.
#[derive(Debug, Parser)]
#[command(
    name = "vigie",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  vigie discover https://chat.example.com      show the chat of an app and how Vigie uses it
  vigie run probes/support-bot.yaml            run a probe once
  vigie serve                                  run the probes in probes/ on their schedule

Exit codes: 0 up, 1 down, 2 could not run, 3 degraded. With several files, the worst: 2 > 1 > 3 > 0."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands of `vigie`.
#[derive(Debug, Subcommand)]
pub enum Command {
    Run(run::Arguments),
    Check(check::Arguments),
    Discover(discover::Arguments),
    Init(init::Arguments),
    Serve(serve::Arguments),
    Agent(agent::Arguments),
    Top(top::Arguments),
    Backtest(backtest::Arguments),
    Bridge(bridge::Arguments),
    DeadLetters(dead_letters::Arguments),
    Cost(cost::Arguments),
    Report(report::Arguments),
    Mute(mute::Mute),
    Unmute(mute::Unmute),
    Mutes(mute::Mutes),
    Alerts(alerts::Arguments),
    TestAlert(test_alert::Arguments),
    Deploy(deploy::Deploy),
    Doctor(deploy::Doctor),
    Remove(deploy::Remove),
    Smoke(smoke::Arguments),
    Render(render::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

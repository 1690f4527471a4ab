//! Runs that a person asks for by invoking the function, as `vigie smoke` does after a deploy.
//!
//! They are made and published like any other, so that a missing permission shows; and whoever asks
//! gets the reports.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::message::Orders;
use domain::report::Report;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{Prober, RESERVE, Unpublished, log};

/// What the function is invoked with.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// By the queue of runs.
    Queue(SqsEvent),
    /// By a person.
    ByHand(Box<Orders>),
}

/// What it answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Queue(SqsBatchResponse),
    ByHand(Vec<Report>),
}

impl Prober {
    /// Answers either event.
    ///
    /// # Errors
    /// When a result was not published.
    pub async fn answer(&self, event: Event, time_left: Duration) -> Result<Answer, Unpublished> {
        match event {
            Event::Queue(event) => self.handle(event, time_left).await.map(Answer::Queue),
            Event::ByHand(orders) => self.by_hand(*orders, time_left).await.map(Answer::ByHand),
        }
    }

    /// Without a claim: that keeps the queue from ordering a run twice, and here nobody else orders.
    async fn by_hand(
        &self,
        orders: Orders,
        time_left: Duration,
    ) -> Result<Vec<Report>, Unpublished> {
        let deadline = Instant::now() + time_left.saturating_sub(RESERVE);
        let mut playing = self.player.start(orders.runs, orders.due, deadline);
        let mut reports = Vec::new();
        while let Some(report) = playing.next().await {
            log(&report);
            reports.push(report);
        }
        let problems = self.publisher.publish(&reports).await;
        if problems.is_empty() { Ok(reports) } else { Err(Unpublished { problems }) }
    }
}

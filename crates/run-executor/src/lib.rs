//! Executes run requests: makes the runs, publishes the results.
//!
//! The Lambda function prober and `vigie agent` use it. Every run that starts has a result, also when the
//! target hangs until the deadline, when one destination rejects results, or when a conversation panics. A
//! result is published soon after its run ends and does not wait for slower runs.

mod claim;
mod clients;
mod config;
mod error;
mod executor;
mod page;
mod poller;
mod publish;
mod queue;
mod requests;
mod runs;
mod scrapers;
mod scrapes;

pub use clients::Clients;
pub use config::Config;
pub use error::{PublishError, SamplesError, ScrapeError, StoreError};
pub use executor::{DirectResult, Executor, joined};
pub use page::RequestError;
pub use poller::{Poller, Stopped};
pub use queue::{MAX_EXECUTION, Message, ReceiveError, RunsQueue, time_of_attribute};
pub use requests::RejectedRequest;
pub use runs::TargetError;

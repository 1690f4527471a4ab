//! Conversations with Gradio chatbots of any version, with the times of each turn.
//!
//! Gradio changed its protocol six times between 3.1 and 6: WebSockets, then several kinds of event
//! streams. The app's description (`/config`) names the protocol and lists components and functions.
//! From it the client finds the chat: a `ChatInterface`, a chain of `gr.Blocks` events, or a text box
//! with an output beside it.
//!
//! ```no_run
//! # async fn example() -> Result<(), gradio::Error> {
//! let client = gradio::Client::builder("https://chat.example.com").build()?;
//! let mut conversation = client.connect().await?;
//! conversation.say("My name is Ada.", &mut |_| {}).await?;
//! let reply = conversation.say("What is my name?", &mut |_| {}).await?;
//! println!("{} after {:?}", reply.text, reply.timing.first_text);
//! # Ok(())
//! # }
//! ```
//!
//! Each error has exactly one [`Failure`]. [`Limits`] bounds every read and every wait.

// Plain types.
mod failure;
mod limits;
mod phases;
mod settings;
mod timing;

// HTTP and TLS.
mod certificate;
mod http;
mod network;
mod redact;
mod space;
mod tls;
mod tracker;
mod value_limit;

// Formats of the server's data. Public for tests and fuzzing.
pub mod config;
pub mod diff;
pub mod event_stream;
pub mod message;
pub mod reply;

// Contents of replies.
mod html;
mod markdown;
mod novelty;
mod reply_track;

// The app and how to use it.
mod app;
mod arguments;
mod describe;
mod description;
mod endpoint;
mod info;
mod page;
mod page_functions;
mod rendered;

// A turn.
mod call;
mod cancel;
mod deadlines;
mod engine;
mod heartbeat;
mod side;
mod signs;
mod step;
mod timers;
mod transport;
mod turn;
mod upload;

// Entry points.
mod client;
mod connect;
mod discovery;
mod session;

pub use arguments::Input;
pub use client::{Client, ClientBuilder};
pub use config::Protocol;
pub use description::Description;
pub use discovery::{Candidate, Discovery, ways_to_chat};
pub use endpoint::{EndpointChoice, How};
pub use failure::{Error, Failure, Partial};
pub use limits::Limits;
pub use markdown::visible_text;
pub use phases::Phases;
pub use reply::{Answer, Part, Reply, Thought, Toast};
pub use session::Session;
pub use settings::Proxy;
pub use timing::TurnTiming;
pub use turn::Progress;
pub use upload::Upload;

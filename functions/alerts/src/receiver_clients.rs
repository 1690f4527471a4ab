//! The clients that the receivers of `infra/routes.json` need.

use receivers::Sender;
use secrets::Secrets;

/// What the receivers beside the topics need.
pub struct ReceiverClients {
    pub secrets: Secrets,
    pub events: aws_call::Client,
    pub sender: Sender,
}

impl std::fmt::Debug for ReceiverClients {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("ReceiverClients").finish_non_exhaustive()
    }
}

impl ReceiverClients {
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig) -> Self {
        let manager = aws_sdk_secretsmanager::Client::new(aws);
        Self {
            secrets: Secrets::new(manager, secrets::ParameterStore::new(aws)),
            events: aws_call::Client::new(aws),
            sender: Sender::default(),
        }
    }
}

//! The reason or fault for each failure of the Gradio client.

use domain::report::Cause;
use domain::{OwnFault, Reason};
use gradio::Failure;

pub(crate) fn cause(failure: Failure) -> Cause {
    let reason = match failure {
        Failure::Dns => Reason::Dns,
        Failure::Connect => Reason::Connect,
        Failure::Tls => Reason::Tls,
        Failure::HttpStatus => Reason::HttpStatus,
        Failure::Page => Reason::Page,
        Failure::NotGradio => Reason::NotGradio,
        Failure::Auth => Reason::Auth,
        Failure::EndpointMissing => Reason::EndpointMissing,
        Failure::QueueFull => Reason::QueueFull,
        Failure::QueueTimeout => Reason::QueueTimeout,
        Failure::FirstChunkTimeout => Reason::FirstChunkTimeout,
        Failure::Stalled => Reason::Stalled,
        Failure::Timeout => Reason::Timeout,
        Failure::StreamBroken => Reason::StreamBroken,
        Failure::AppError => Reason::AppError,
        Failure::TooLarge => Reason::TooLarge,
        Failure::Settings | Failure::Unsupported => return Cause::Own(OwnFault::Settings),
    };
    Cause::Target(reason)
}

/// Whether the failure is that the time ran out.
pub(crate) fn is_time(failure: Failure) -> bool {
    matches!(
        failure,
        Failure::Timeout
            | Failure::QueueTimeout
            | Failure::FirstChunkTimeout
            | Failure::Stalled
            | Failure::Dns
            | Failure::Connect
            | Failure::Tls
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_of_a_target_has_the_reason_of_the_same_name() {
        for failure in Failure::ALL {
            match cause(failure) {
                Cause::Target(reason) => assert_eq!(reason.as_str(), failure.word()),
                Cause::Own(_) => assert!(failure.is_client_fault(), "{failure}"),
            }
        }
    }
}

//! The Python environments that only the tests use.

pub use deploy::python::Environment;

/// The packages of one version of Gradio.
#[macro_export]
macro_rules! gradio {
    ($number:literal) => {
        $crate::python::Environment {
            name: concat!("gradio-", $number),
            requirements: concat!("tests/fixtures/gradio/requirements/gradio-", $number, ".txt"),
        }
    };
}
pub use gradio;

pub const EMULATOR: Environment =
    Environment { name: "emulator", requirements: "tests/emulator/requirements.txt" };
pub const CHECKOV: Environment =
    Environment { name: "checkov", requirements: "tests/emulator/requirements-checkov.txt" };
/// A mail server with TLS and log-in.
pub const SMTP: Environment =
    Environment { name: "smtp", requirements: "tests/emulator/requirements-smtp.txt" };
/// The version of the chatbot in the demo and in the end-to-end scenarios.
pub const GRADIO: Environment = gradio!("6.31.0");
/// Writes Grafana's dashboards.
pub const DASHBOARDS: Environment = Environment {
    name: "dashboards",
    requirements: "infra/observability/grafana/build/requirements.txt",
};
/// Prebuilt Cargo subcommands.
pub const CARGO_TOOLS: Environment =
    Environment { name: "cargo", requirements: "tests/emulator/requirements-cargo.txt" };

//! The keys of the target of a probe.

use serde_json::{Value, json};

use super::table::{Keys, needed, optional, per_environment, some_text, text};

pub(crate) const MOST_REPLIES: usize = 8;
/// Largest value of a size limit: 64 MiB, the memory that a run may use.
pub(crate) const MOST_BYTES: u32 = 64 * 1024 * 1024;

pub(crate) const TARGET: Keys = Keys {
    place: "`target`",
    list: &[
        needed(
            "url",
            "Address of the app; one text, or one for each environment. ${UPPER_CASE} is an environment variable.",
            || per_environment(&json!({ "type": "string", "pattern": "^(https?://|\\$\\{)" })),
        ),
        optional(
            "auth",
            "Credentials: username and password for Gradio's log-in page, a bearer token, request headers, or several of them; or one such mapping for each environment.",
            || per_environment(&auth()),
        ),
        optional(
            "endpoint",
            "The endpoint to use, by api_name or number. Detected if left out.",
            || per_environment(&json!({ "type": ["string", "integer"] })),
        ),
        optional("message", "The message box, by its label. Detected if left out.", || {
            per_environment(&some_text())
        }),
        optional(
            "reply",
            "The output with the reply, by its label, or a list of outputs, each of which must pass the checks. Detected if left out.",
            || {
                per_environment(&json!({ "anyOf": [
                    some_text(),
                    { "type": "array", "items": some_text(), "minItems": 1, "maxItems": MOST_REPLIES },
                ]}))
            },
        ),
        optional(
            "page",
            "A page of a multi-page app, such as /chat. `false`: the page that users open is not checked, for apps that are used by their API only.",
            || {
                per_environment(
                    &json!({ "anyOf": [{ "const": false }, { "type": "string", "pattern": "^/" }] }),
                )
            },
        ),
        optional(
            "query",
            "Parameters added to the query of the address, by name; each may be a map by environment.",
            || json!({ "type": "object", "additionalProperties": per_environment(&text()) }),
        ),
        optional(
            "ca_file",
            "A PEM file of certificate authorities to trust in addition to the system's, such as /opt/probes/ca.pem.",
            || per_environment(&some_text()),
        ),
        optional(
            "client_certificate",
            "A certificate and its key for servers that require mutual TLS, in PEM format.",
            || per_environment(&CLIENT_CERTIFICATE.schema()),
        ),
        optional("limits", "Size limits of what the app sends.", || LIMITS.schema()),
        optional(
            "inputs",
            "Further inputs of the app, by parameter name or label; each may be a map by environment.",
            || json!({ "type": "object" }),
        ),
    ],
};

pub(crate) const CLIENT_CERTIFICATE: Keys = Keys {
    place: "`client_certificate`",
    list: &[
        needed(
            "certificate",
            "The certificate chain, such as ${secret:ID#certificate}.",
            some_text,
        ),
        needed("key", "The private key, such as ${secret:ID#key}.", some_text),
    ],
};

pub(crate) const LIMITS: Keys = Keys {
    place: "`limits`",
    list: &[
        optional("event_bytes", "One event of a stream. Default: 8388608.", byte_limit),
        optional(
            "output_bytes",
            "All outputs of one function together. Default: 8388608.",
            byte_limit,
        ),
        optional("reply_characters", "One reply. Default: 1048576.", byte_limit),
    ],
};

pub(crate) const AUTH: Keys = Keys {
    place: "`auth`",
    list: &[
        optional("username", "User name for Gradio's log-in page.", text),
        optional(
            "password",
            "Password for Gradio's log-in page, best as ${secret:ID#key} or ${ssm:/path}.",
            text,
        ),
        optional(
            "bearer",
            "Token sent as `Authorization: Bearer`; also for a private Hugging Face Space.",
            text,
        ),
        optional(
            "headers",
            "Request headers, by name.",
            || json!({ "type": "object", "minProperties": 1, "additionalProperties": text() }),
        ),
    ],
};

fn byte_limit() -> Value {
    json!({ "type": "integer", "minimum": 1_024, "maximum": MOST_BYTES })
}

fn auth() -> Value {
    let mut schema = AUTH.schema();
    schema["minProperties"] = 1.into();
    schema["dependentRequired"] = json!({ "username": ["password"], "password": ["username"] });
    schema
}

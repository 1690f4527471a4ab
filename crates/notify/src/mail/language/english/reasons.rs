//! Summary, impact and steps for each reason and each Vigie fault, in English.

use domain::{OwnFault, Reason};

pub(super) fn summary(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "host name does not resolve",
        Reason::Connect => "connection failed",
        Reason::Tls => "TLS error",
        Reason::HttpStatus => "HTTP error",
        Reason::Page => "the page does not work",
        Reason::NotGradio => "not a Gradio app",
        Reason::Auth => "login rejected",
        Reason::EndpointMissing => "chat endpoint not found",
        Reason::QueueFull => "queue is full",
        Reason::QueueTimeout => "timeout in the queue",
        Reason::FirstChunkTimeout => "no answer starts in time",
        Reason::Stalled => "answers stop midway",
        Reason::Timeout => "conversation takes too long",
        Reason::StreamBroken => "answers are cut off",
        Reason::AppError => "the app returns an error",
        Reason::CheckFailed => "wrong answer",
        Reason::TooLarge => "response too large",
    }
}

pub(super) fn impact(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "The browser shows that the site was not found.",
        Reason::Connect => "The browser shows that the site cannot be reached.",
        Reason::Tls => "The browser shows a warning about the connection, or refuses to connect.",
        Reason::HttpStatus => "Users see an error page, or a chat that does not load.",
        Reason::Page => "Users cannot send messages on the page.",
        Reason::NotGradio => {
            "Users see another page than the chat, such as a maintenance or error page."
        }
        Reason::Auth => "The probe cannot log in. Users may have the same problem.",
        Reason::EndpointMissing => "The page loads, but the expected chat is not on it.",
        Reason::QueueFull => "The app rejects messages because it is too busy.",
        Reason::QueueTimeout => "Users wait in the queue and get no answer.",
        Reason::FirstChunkTimeout => "Users send a message and get no answer.",
        Reason::Stalled => "Users see an answer start and then stop.",
        Reason::Timeout => "Users wait much too long for answers.",
        Reason::StreamBroken => "Users see an incomplete answer or an error.",
        Reason::AppError => "Users see an error message instead of an answer.",
        Reason::CheckFailed => "Users get answers, but not the expected ones.",
        Reason::TooLarge => "Browsers become slow or stop responding.",
    }
}

pub(super) fn steps(reason: Reason) -> &'static [&'static str] {
    match reason {
        Reason::Dns => &[
            "Resolve the name from another network: dig {host}",
            "Check whether the record, the zone or the load balancer changed, and whether the domain expired.",
            "If the name is private, check that the prober is in the right VPC.",
        ],
        Reason::Connect => &[
            "Check that the app runs: its tasks or pods, and their restarts.",
            "Check that the load balancer has a healthy target, and whether a security group changed.",
            "Connect from another network: curl -sv {url}/config",
        ],
        Reason::Tls => &[
            "Read the certificate: openssl s_client -connect {instance} -servername {host}",
            "If it expired, renew it and find out why it was not renewed automatically.",
            "If it is for another host, check the load balancer's listener and rules.",
        ],
        Reason::HttpStatus => &[
            "502, 503, 504: the app is down behind its proxy. Check its tasks and restarts.",
            "429: a rate limit. Exempt the probe (its User-Agent starts with Vigie/), or run it less often.",
            "500: read the app's log at the time of the run. 404: check whether the app moved.",
        ],
        Reason::Page => &[
            "Open {url} in a browser and send a message.",
            "If the page sends its requests to another address, set `root_path` of the app, and the headers Host, X-Forwarded-Host and X-Forwarded-Proto in the proxy.",
            "If the page returns an error, read the app's log. If users do not need the page, set `page: false` in the probe.",
        ],
        Reason::NotGradio => &[
            "Open the address in a browser. It may be a maintenance page, a login page or a paused Space.",
            "For a Space, restart it or read its build log.",
            "If the app moved to a sub-path, change `target.url` of the probe.",
        ],
        Reason::Auth => &[
            "If the password or token changed, put the new one into the secret that the probe names.",
            "Check that the secret can be read: vigie run probes/{probe}.yaml --environment {environment}",
            "Log in manually with the same account.",
        ],
        Reason::EndpointMissing => &[
            "If the app was deployed recently, list its endpoints: vigie discover {url}",
            "If the change is intended, change `target.endpoint` of the probe. If not, roll back.",
        ],
        Reason::QueueFull => &[
            "Check the number of requests and the queue size on the dashboard.",
            "Check whether one request blocks the queue. Restart the app if its worker does not progress.",
            "Raise `max_size` or the concurrency limit, or add a replica.",
        ],
        Reason::QueueTimeout => &[
            "Check whether the queue progresses. If not, a worker is blocked: restart the app, then find the request that blocked it.",
            "If it progresses, there are more users than workers. Raise the concurrency limit or add a replica.",
        ],
        Reason::FirstChunkTimeout => &[
            "The app accepted the message and sent nothing. Check the model (status page, rate limit, GPU).",
            "Read the app's log at the time of the run.",
            "If the model answers and the app does not, restart the app.",
        ],
        Reason::Stalled => &[
            "Check whether the stream of the model stops too.",
            "Check for a proxy with an idle timeout. Compare the timeout with the length of the answers.",
            "Read the app's log at the time of the run.",
        ],
        Reason::Timeout => &[
            "Check in the report which phase took the time.",
            "Check the latency and rate limits of the model, and the number of workers.",
            "If the bot works as intended, the probe's `timeout` is too short for its conversation.",
        ],
        Reason::StreamBroken => &[
            "Check whether the app restarted: look for out-of-memory kills and deployments.",
            "Check for a proxy that cuts long responses (limits on time and size).",
        ],
        Reason::AppError => &[
            "Read the app's log at the time of the run. The error text is above.",
            "The usual causes are an API key, a quota, or a model that was switched off.",
            "If the app was deployed recently, roll back.",
        ],
        Reason::CheckFailed => &[
            "Compare the expected and the received text above.",
            "If the answer is wrong, look for a change of model, prompt or retrieval data, and for lost sessions between turns.",
            "If only the wording changed, relax the check in the probe file and deploy.",
        ],
        Reason::TooLarge => &[
            "Check whether an answer repeats itself without end. Check the model's length limits.",
            "Check whether the app's config contains data (images, tables). Serve them as files.",
        ],
    }
}

pub(super) fn fault(fault: OwnFault) -> &'static str {
    match fault {
        OwnFault::Settings => "the probe cannot run as configured",
        OwnFault::Secret => "a secret of the probe cannot be read",
        OwnFault::Deadline => "the prober reached its Lambda timeout",
        OwnFault::Stalled => "the prober had too little CPU",
        OwnFault::Internal => "internal error in the prober",
    }
}

pub(super) fn fault_steps(fault: OwnFault) -> &'static [&'static str] {
    match fault {
        OwnFault::Settings => &[
            "Read the detail above: a variable that is not set, or an input that the app does not have.",
            "Correct probes/{probe}.yaml, or the stack's ProbeVariables, and deploy.",
            TEST_MANUALLY,
        ],
        OwnFault::Secret => &[
            "Read above which secret it is. Check that it exists in this account and region, with the key that the probe names.",
            "Check that the prober may read it: its name must start with the stack's SecretPrefix. A secret with its own KMS key needs SecretsKeyArn.",
            TEST_MANUALLY,
        ],
        OwnFault::Deadline => &[
            "The function ended before the probe's `timeout`. Read the prober's log at the time of the run.",
            "If the probe's `timeout` is near 15 minutes, the longest time a function may run, shorten it.",
            TEST_MANUALLY,
        ],
        OwnFault::Stalled => &[
            "Raise ProberMemory of the stack. Lambda gives CPU in proportion to memory.",
            "Check the metric RunsStalled: is only this probe affected, or all of them?",
            TEST_MANUALLY,
        ],
        OwnFault::Internal => &[
            "Find the panic in the prober's log at the time of the run, and report it to the maintainers of Vigie.",
            TEST_MANUALLY,
        ],
    }
}

pub(super) const TEST_MANUALLY: &str = "Until results arrive again, test the bot manually: vigie run probes/{probe}.yaml --environment {environment}";
pub(super) const LAST_REPORT: &str =
    "Read the last report: vigie report --last {probe} --environment {environment}";
pub(super) const RUN_PROBE: &str =
    "Run the probe from your machine: vigie run probes/{probe}.yaml --environment {environment}";

//! What each reason for being down, and each fault of our own, is called, looks like and asks for, in English.

use domain::{OwnFault, Reason};

pub(super) fn phrase(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "its host name has no address",
        Reason::Connect => "no connection",
        Reason::Tls => "no secure connection (TLS)",
        Reason::HttpStatus => "HTTP error",
        Reason::NotGradio => "what answers is not a Gradio app",
        Reason::Auth => "log-in refused",
        Reason::EndpointMissing => "its chat endpoint is gone",
        Reason::QueueFull => "its queue is full",
        Reason::QueueTimeout => "stuck in its queue",
        Reason::FirstChunkTimeout => "no answer begins in time",
        Reason::Stalled => "answers stop midway",
        Reason::Timeout => "conversation too long",
        Reason::StreamBroken => "answers are cut off",
        Reason::AppError => "the app reports an error",
        Reason::CheckFailed => "wrong answer",
        Reason::TooLarge => "it sends far too much",
    }
}

pub(super) fn users_see(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "Browsers say that the site can't be found.",
        Reason::Connect => "Browsers say that the site can't be reached.",
        Reason::Tls => "Browsers warn that the connection is not private, or don't connect.",
        Reason::HttpStatus => "Users get an error page, or a chat that doesn't load.",
        Reason::NotGradio => {
            "Users get another page than the chat, such as a holding or error page."
        }
        Reason::Auth => "Users may be asked to log in, or are refused; certainly the probe is.",
        Reason::EndpointMissing => {
            "The page loads, but the chat isn't there, or isn't the one we know."
        }
        Reason::QueueFull => "Users are told that the bot is too busy, and get no answer.",
        Reason::QueueTimeout => "Users wait in the queue, and many will give up.",
        Reason::FirstChunkTimeout => "Users send a message and nothing comes back.",
        Reason::Stalled => "Users see an answer begin and then stop for good.",
        Reason::Timeout => "Users wait much too long for their answers.",
        Reason::StreamBroken => "Users see half an answer, then an error or nothing.",
        Reason::AppError => "Users see an error message in place of an answer.",
        Reason::CheckFailed => "Users get answers, but not the right ones.",
        Reason::TooLarge => "Users' browsers become slow or hang.",
    }
}

pub(super) fn recipe(reason: Reason) -> &'static [&'static str] {
    match reason {
        Reason::Dns => &[
            "Look the name up from elsewhere: dig {host}",
            "Was the record, the zone or the load balancer changed or deleted? Did the domain expire?",
            "Private name: is the prober in the right VPC?",
        ],
        Reason::Connect => &[
            "Is the app running? Look at its tasks or pods, and at their restarts.",
            "Does the load balancer have a healthy target? Was a security group changed?",
            "Try from elsewhere: curl -sv {url}/config",
        ],
        Reason::Tls => &[
            "Look at the certificate: openssl s_client -connect {instance} -servername {host}",
            "Expired: renew it, and find out why nobody renewed it.",
            "Another host's: look at the load balancer's listener and rules.",
        ],
        Reason::HttpStatus => &[
            "502, 503, 504: the app is down behind its proxy; look at its tasks and restarts.",
            "429: a rate limit; give the probe a pass (its User-Agent begins with Vigie/), or probe less often.",
            "500: read the app's log at the time of the visit. 404: was the app moved?",
        ],
        Reason::NotGradio => &[
            "Open the address in a browser: a maintenance page, a log-in page, a sleeping Space?",
            "A Space: wake it up, or look at its build log.",
            "Did the app move to a sub-path? Then change `target.url` of the probe.",
        ],
        Reason::Auth => &[
            "Was the password or token changed? Put the new one into the secret that the probe names.",
            "Is the secret readable? vigie run probes/{probe}.yaml --environment {environment} says which one it asks for.",
            "Try to log in by hand with the same account.",
        ],
        Reason::EndpointMissing => &[
            "Was the app deployed just now? Compare what it offers: vigie discover URL",
            "If the change is meant, correct `target.endpoint` of the probe; if not, roll back.",
        ],
        Reason::QueueFull => &[
            "How many people are there? Look at requests and queue size on the dashboard.",
            "Is one request hanging and holding the queue? Restart the app if its worker no longer moves.",
            "Raise `max_size` or the concurrency limit, or add a replica.",
        ],
        Reason::QueueTimeout => &[
            "Is the queue moving? If not, a worker hangs: restart the app and look at what it was doing.",
            "If it moves: more visitors than workers. Raise the concurrency limit or add a replica.",
        ],
        Reason::FirstChunkTimeout => &[
            "The app took the message and then said nothing: look at the model behind it (status page, rate limit, GPU).",
            "Read the app's log at the time of the visit: is it waiting for something?",
            "Restart the app if the model answers and the app doesn't.",
        ],
        Reason::Stalled => &[
            "Look at the model behind the app: does its stream stop, too?",
            "A proxy with an idle limit between us and the app? Compare its limit with the length of the answers.",
            "Read the app's log at the time of the visit.",
        ],
        Reason::Timeout => &[
            "Look at the report: which phase took the time?",
            "The model: look at its latency and rate limits. The queue: too few workers.",
            "If the bot is as it should be, the probe's `timeout` is too short for its conversation.",
        ],
        Reason::StreamBroken => &[
            "Did the app restart in the middle? Look for out-of-memory kills and deploys.",
            "A proxy that cuts long responses? Look at its limits on time and size.",
        ],
        Reason::AppError => &[
            "Read the app's log at the time of the visit; the error's text is above.",
            "An API key, a quota, or a model that was switched off? These are the usual causes.",
            "Just deployed? Roll back.",
        ],
        Reason::CheckFailed => &[
            "Compare expected and found above: is the answer wrong, or has its wording changed?",
            "Wrong: look for a change of model, prompt or retrieval data, and for lost sessions between turns.",
            "Only worded otherwise: loosen the check in the probe file, and deploy.",
        ],
        Reason::TooLarge => &[
            "Does an answer repeat itself without end? Look at the model's limits on length.",
            "Does the app's config carry data (images, tables) within it? Serve that as files.",
        ],
    }
}

pub(super) fn fault(fault: OwnFault) -> &'static str {
    match fault {
        OwnFault::Settings => "the probe can't be played as it is written",
        OwnFault::Secret => "a secret of the probe can't be read",
        OwnFault::Deadline => "the prober's own time runs out",
        OwnFault::Stalled => "the prober stands still",
        OwnFault::Internal => "a defect of the prober",
    }
}

pub(super) fn fault_recipe(fault: OwnFault) -> &'static [&'static str] {
    match fault {
        OwnFault::Settings => &[
            "Read above what is wrong: a variable that is not set, an input that the app does not have?",
            "Correct probes/{probe}.yaml, or ProbeVariables of the stack, and deploy.",
            SEE_FOR_YOURSELF,
        ],
        OwnFault::Secret => &[
            "Read above which secret it is. Does it exist in this account and region, with the key that the probe asks for?",
            "May the prober read it? Its name must begin with SecretPrefix of the stack; one with a KMS key of its own needs SecretsKeyArn.",
            SEE_FOR_YOURSELF,
        ],
        OwnFault::Deadline => &[
            "The prober's function ended before the visit's `timeout` did. Look at its log at the time of the visit: what took so long before?",
            "Is the probe's `timeout` near the 15 minutes that a function may run? Shorten it.",
            SEE_FOR_YOURSELF,
        ],
        OwnFault::Stalled => &[
            "The prober had too little CPU for what it does at once. Raise ProberMemory of the stack: CPU comes with it.",
            "Look at the metric RunsStalled: is it this probe alone, or all?",
            SEE_FOR_YOURSELF,
        ],
        OwnFault::Internal => &[
            "Look for the panic in the prober's log at the time of the visit, and take it to whoever maintains Vigie.",
            SEE_FOR_YOURSELF,
        ],
    }
}

const SEE_FOR_YOURSELF: &str = "Until we see again, look at the bot yourself: vigie run probes/{probe}.yaml --environment {environment}";

"""The classic runbook's own panel, `up{job="gradio_chatbot"}`, and what the app says of itself."""

from panels import *

JOB = 'job="gradio_chatbot"'
UP = dict(v0=("down", RED), v1=("up", GREEN))


def build():
    b = board("vigie-runbook", "Vigie: runbook panel", "Whether the chatbot's process answers a scrape, and the metrics that it serves.",
              choose_source("prometheus", "vigie-prometheus"),
              from_labels("instance", "Instance", f"label_values(up{{{JOB}}}, instance)"), LOOKBACK)
    s = f'{JOB}, instance=~"$instance"'
    b = b.with_panel(graph('up{job="gradio_chatbot"}', "1 when the scrape succeeded, 0 when it did not. It does not say that the bot answers people.",
                           query(f"up{{{s}}}", "{{instance}} {{probe}}"), unit="none", high=1, size=(16, 8)))
    b = b.with_panel(number("Now", "The last scrape of the instances shown; the worst of them.", query(f"min(last_over_time(up{{{s}}}[$lookback]))", instant=True), mappings=UP, size=(4, 8)))
    b = b.with_panel(number("Availability, 24 h", "Share of successful scrapes in the last day.", query(f"sum(sum_over_time(up{{{s}}}[24h])) / sum(count_over_time(up{{{s}}}[24h]))", instant=True),
                            unit="percentunit", decimals=2, size=(4, 8)))
    b = b.with_panel(states("Over time", "Green while the process answers scrapes. A gap means that nobody scraped.", query(f"last_over_time(up{{{s}}}[$lookback])", "{{instance}} {{probe}}"), mappings=UP, size=(24, 5)))
    b = b.with_row(row("What the app says of itself (examples/gradio-metrics)"))
    b = b.with_panel(graph("Requests", "Chat turns a second, by outcome.", query(f"sum by (outcome) (rate(chatbot_requests_total{{{s}}}[5m]))", "{{outcome}}"), unit="reqps"))
    b = b.with_panel(graph("Errors", "Share of the turns that ended in an error, last 5 minutes.",
                           query(f'sum(rate(chatbot_requests_total{{{s}, outcome="error"}}[5m])) / sum(rate(chatbot_requests_total{{{s}}}[5m]))', "errors"),
                           unit="percentunit", high=1))
    quantile = "histogram_quantile({q}, sum by (le) (rate({name}_bucket{{{s}}}[5m])))"
    b = b.with_panel(graph("Duration", "Whole turn and first chunk inside the handler: without the queue and the network.",
                           query(quantile.format(q=0.5, name="chatbot_request_duration_seconds", s=s), "turn p50", ref="A"),
                           query(quantile.format(q=0.95, name="chatbot_request_duration_seconds", s=s), "turn p95", ref="B"),
                           query(quantile.format(q=0.95, name="chatbot_first_chunk_seconds", s=s), "first chunk p95", ref="C")))
    b = b.with_panel(graph("Load", "Turns running now, and events waiting in Gradio's queue.",
                           query(f"sum(chatbot_requests_in_progress{{{s}}})", "in progress", ref="A"), query(f"sum(chatbot_queue_size{{{s}}})", "waiting", ref="B"), unit="short"))
    return b

"""The panel of the classic runbook, `up{job="gradio_chatbot"}`, and the metrics of the app."""

from panels import *

JOB = 'job="gradio_chatbot"'
UP = dict(v0=("down", RED), v1=("up", GREEN))


def build():
    b = board("vigie-runbook", "Vigie: runbook panel", "Whether the process of the chatbot answers scrapes, and the metrics that it serves.",
              choose_source("prometheus"),
              from_labels("instance", "Instance", f"label_values(up{{{JOB}}}, instance)"), LOOKBACK)
    s = f'{JOB}, instance=~"$instance"'
    b = b.with_panel(graph('up{job="gradio_chatbot"}', "1 if the scrape succeeded, 0 if it failed. It does not show whether the bot answers users.",
                           query(f"up{{{s}}}", "{{instance}} {{probe}}"), unit="none", high=1, size=(16, 8)))
    b = b.with_panel(number("Now", "The last scrape of the instances shown, the worst result.", query(f"min(last_over_time(up{{{s}}}[$lookback]))", instant=True), mappings=UP, size=(4, 8)))
    b = b.with_panel(number("Availability, 24 h", "Share of successful scrapes in the last day.", query(f"sum(sum_over_time(up{{{s}}}[24h])) / sum(count_over_time(up{{{s}}}[24h]))", instant=True),
                            unit="percentunit", decimals=2, size=(4, 8)))
    b = b.with_panel(states("Over time", "Green while the process answers scrapes. A gap means that there was no scrape.", query(f"last_over_time(up{{{s}}}[$lookback])", "{{instance}} {{probe}}"), mappings=UP, size=(24, 5)))
    b = b.with_row(row("App metrics (examples/gradio-metrics)"))
    b = b.with_panel(graph("Requests", "Chat turns per second, by outcome.", query(f"sum by (outcome) (rate(chatbot_requests_total{{{s}}}[5m]))", "{{outcome}}"), unit="reqps"))
    b = b.with_panel(graph("Errors", "Share of the turns of the last 5 minutes that ended with an error.",
                           query(f'sum(rate(chatbot_requests_total{{{s}, outcome="error"}}[5m])) / sum(rate(chatbot_requests_total{{{s}}}[5m]))', "errors"),
                           unit="percentunit", high=1))
    quantile = "histogram_quantile({q}, sum by (le) (rate({name}_bucket{{{s}}}[5m])))"
    b = b.with_panel(graph("Duration", "Whole turn and first chunk, measured in the handler, without queue and network.",
                           query(quantile.format(q=0.5, name="chatbot_request_duration_seconds", s=s), "turn p50", ref="A"),
                           query(quantile.format(q=0.95, name="chatbot_request_duration_seconds", s=s), "turn p95", ref="B"),
                           query(quantile.format(q=0.95, name="chatbot_first_chunk_seconds", s=s), "first chunk p95", ref="C")))
    b = b.with_panel(graph("Load", "Turns running now, and events waiting in Gradio's queue.",
                           query(f"sum(chatbot_requests_in_progress{{{s}}})", "in progress", ref="A"), query(f"sum(chatbot_queue_size{{{s}}})", "waiting", ref="B"), unit="short"))
    return b

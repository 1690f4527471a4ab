"""Prometheus metrics for a Gradio chatbot. Works with Gradio 4.44, 5 and 6.

Gradio has no /metrics page. This module counts the turns of your chat function and serves the metrics
next to the chatbot:

    import gradio as gr
    from gradio_metrics import serve, watched

    @watched
    def reply(message, history):
        yield "Hello"

    serve(gr.ChatInterface(reply))      # instead of launch(), with its arguments: chat at /, metrics at /metrics

For a FastAPI or Starlette app: `mount(app, demo)` instead of `serve`.

Metrics, in addition to those of prometheus_client about the process:

    chatbot_requests_total{outcome}              ended turns: ok, error, cancelled (the user left, or pressed
                                                 stop; 30 s late with Gradio 4 and 5)
    chatbot_request_duration_seconds             histogram: a whole turn inside your function, without Gradio's queue
    chatbot_first_chunk_seconds                  histogram: start of a turn to the first chunk of the reply
    chatbot_requests_in_progress                 turns running now
    chatbot_queue_size                           events that wait in Gradio's queue; absent if Gradio does not show it

The metrics are kept in the process: use one metrics address for each process. No text of a user is stored
or used as a label.
"""

import asyncio
import contextlib
import functools
import inspect
import os
import threading
import time

from prometheus_client import REGISTRY, Counter, Histogram, make_asgi_app
from prometheus_client.core import GaugeMetricFamily

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80)
# Gradio requests the next chunk of a reply at once. After this time it will not request it any more.
ABANDONED_AFTER_SECONDS = 30


class _Running:
    """The turns that have not ended, checked at each scrape.

    A gauge that each turn increments and decrements would be wrong: when the user leaves, Gradio 4 and 5
    keep the generator of the turn suspended forever, so the turn does not end.
    """

    def __init__(self):
        self.turns = set()

    def collect(self):
        now = time.perf_counter()
        for turn in list(self.turns):
            waits = turn.handed_over
            if waits is not None and now - waits > ABANDONED_AFTER_SECONDS:
                turn.end("cancelled", waits)
        running = len(self.turns)
        yield GaugeMetricFamily("chatbot_requests_in_progress", "Chat turns running now.", value=running)


RUNNING = _Running()
REGISTRY.register(RUNNING)  # Before the counters, so that what it ends is counted in the same scrape.
REQUESTS = Counter("chatbot_requests", "Ended chat turns by outcome.", ["outcome"])
DURATION = Histogram("chatbot_request_duration_seconds", "Whole turn inside the chat function.", buckets=SECONDS)
FIRST_CHUNK = Histogram("chatbot_first_chunk_seconds", "Start of a turn to the first chunk of the reply.", buckets=SECONDS)

# So that an error ratio can be computed from the first scrape on.
for outcome in ("ok", "error", "cancelled"):
    REQUESTS.labels(outcome)


class _Turn:
    """One turn. It is counted once, when it ends."""

    lock = threading.Lock()

    def __enter__(self):
        self.start = time.perf_counter()
        self.answered = False
        # When the last chunk was passed to Gradio; None while the chat function works on the next one.
        self.handed_over = None
        RUNNING.turns.add(self)
        return self

    def hand_over(self):
        now = time.perf_counter()
        if not self.answered:
            self.answered = True
            FIRST_CHUNK.observe(now - self.start)
        self.handed_over = now

    def take_up(self):
        self.handed_over = None

    def end(self, outcome, at):
        with self.lock:
            if self not in RUNNING.turns:
                return
            RUNNING.turns.remove(self)
        DURATION.observe(at - self.start)
        REQUESTS.labels(outcome).inc()

    def __exit__(self, kind, _error, _trace):
        # Gradio 6 closes the generator, or cancels the task, of a user who left.
        left = kind is not None and issubclass(kind, (GeneratorExit, asyncio.CancelledError))
        self.end("cancelled" if left else "error" if kind else "ok", time.perf_counter())
        return False


def watched(chat):
    """Counts the turns of a chat function: plain, generator, async, or async generator.

    The wrapper is of the same kind and has the same signature, since Gradio looks at both.
    """
    if inspect.isasyncgenfunction(chat):

        @functools.wraps(chat)
        async def wrapper(*args, **kwargs):
            with _Turn() as turn:
                # Closed with the wrapper, so that `finally` in the function runs when the user leaves.
                async with contextlib.aclosing(chat(*args, **kwargs)) as parts:
                    async for part in parts:
                        turn.hand_over()
                        yield part
                        turn.take_up()

    elif inspect.isgeneratorfunction(chat):

        @functools.wraps(chat)
        def wrapper(*args, **kwargs):
            with _Turn() as turn:
                with contextlib.closing(chat(*args, **kwargs)) as parts:
                    for part in parts:
                        turn.hand_over()
                        yield part
                        turn.take_up()

    elif inspect.iscoroutinefunction(chat):

        @functools.wraps(chat)
        async def wrapper(*args, **kwargs):
            with _Turn() as turn:
                answer = await chat(*args, **kwargs)
                turn.hand_over()
                return answer

    else:

        @functools.wraps(chat)
        def wrapper(*args, **kwargs):
            with _Turn() as turn:
                answer = chat(*args, **kwargs)
                turn.hand_over()
                return answer

    return wrapper


class _Queues:
    """The length of the queues of all chatbots in this process, read at each scrape."""

    def __init__(self):
        self.demos = []

    def collect(self):
        try:
            # Not a public interface. It is the same in 4.44, 5 and 6; without it this metric is absent.
            waiting = [len(demo._queue) for demo in self.demos]
        except (AttributeError, TypeError):
            return
        if waiting:
            yield GaugeMetricFamily("chatbot_queue_size", "Events that wait in Gradio's queue.", value=sum(waiting))


QUEUES = _Queues()
REGISTRY.register(QUEUES)


def mount(app, demo, path="/", metrics_path="/metrics", **gradio):
    """Puts the chatbot at `path` and the metrics at `metrics_path` of a FastAPI app; returns the app.

    `gradio` goes to `gr.mount_gradio_app`: `auth`, `root_path`, `allowed_paths`, with Gradio 6 also `theme`
    and `css`. `auth` does not apply to the metrics.

    Several chatbots may share one app and its metrics: call this for each, the one at `/` last, because
    it answers every path that is not mounted before it.
    """
    import gradio as gr

    QUEUES.demos.append(demo)
    if not any(getattr(route, "path", None) == metrics_path for route in app.router.routes):
        exposition = make_asgi_app()
        app.mount(metrics_path, exposition)
        # `app.mount` redirects /metrics to /metrics/. Prometheus follows redirects, other programs may not.
        app.router.routes.insert(0, _exactly(metrics_path, exposition))
    return gr.mount_gradio_app(app, demo, path=path, **gradio)


def _exactly(path, asgi):
    """A route for one path, without the redirect."""
    from starlette.routing import Route

    class Answer:  # An object with __call__: Starlette takes it as an ASGI app, and a function as an endpoint.
        async def __call__(self, scope, receive, send):
            await asgi(scope, receive, send)

    return Route(path, Answer(), methods=["GET"], include_in_schema=False)


def serve(demo, server_name=None, server_port=None, metrics_path="/metrics", uvicorn=None, **gradio):
    """Serves the chatbot and its metrics on one port until stopped. Accepts the arguments of `launch()`.

    Address and port are also read from `GRADIO_SERVER_NAME` and `GRADIO_SERVER_PORT`; `uvicorn` is a dict of
    options of the server, such as `{"ssl_keyfile": …, "log_level": "warning"}`.
    """
    import fastapi
    from uvicorn import run

    server_name = server_name or os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    server_port = server_port or int(os.environ.get("GRADIO_SERVER_PORT", "7860"))
    # `launch()` hides the text of an unexpected error from the user; `mount_gradio_app` shows it by default.
    gradio.setdefault("show_error", False)
    app = mount(fastapi.FastAPI(), demo, metrics_path=metrics_path, **gradio)
    run(app, host=server_name, port=server_port, **(uvicorn or {}))

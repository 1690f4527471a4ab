"""Prometheus metrics for a Gradio chatbot, unchanged on Gradio 4.44, 5 and 6.

Gradio serves no /metrics of its own. This module counts the turns of your chat function and serves
the figures beside the chatbot:

    import gradio as gr
    from gradio_metrics import serve, watched

    @watched
    def reply(message, history):
        yield "Hello"

    serve(gr.ChatInterface(reply))      # instead of launch(), with its arguments: chat at /, metrics at /metrics

With an app of your own (FastAPI, Starlette): `mount(app, demo)` instead of `serve`.

What is served (plus what prometheus_client tells of the process):

    chatbot_requests_total{outcome}              ended turns: ok, error, cancelled (the reader left, or pressed
                                                 stop; Gradio 4 and 5 tell it 30 s late)
    chatbot_request_duration_seconds             histogram: a whole turn inside your function, without Gradio's queue
    chatbot_first_chunk_seconds                  histogram: start of a turn to the first part of its answer
    chatbot_requests_in_progress                 turns running now
    chatbot_queue_size                           events that wait in Gradio's queue; absent when Gradio hides it

The figures live in the process: run one process for each metrics address. Nothing here keeps or labels
what people write.
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
# Gradio asks for the next part of an answer at once. A part that nobody asked for so long never will be.
ABANDONED_AFTER_SECONDS = 30


class _Running:
    """The turns that have not ended, looked at when Prometheus scrapes.

    A gauge that goes up and down with each turn would be wrong: Gradio 4 and 5 keep the generator of
    a turn that its reader left, suspended for good, so the end of such a turn never comes by itself.
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
FIRST_CHUNK = Histogram("chatbot_first_chunk_seconds", "Start of a turn to the first part of its answer.", buckets=SECONDS)

# So that a share of errors can be computed from the first scrape on.
for outcome in ("ok", "error", "cancelled"):
    REQUESTS.labels(outcome)


class _Turn:
    """One turn: counted once, when it ends, whichever way."""

    lock = threading.Lock()

    def __enter__(self):
        self.start = time.perf_counter()
        self.answered = False
        # When the last part was handed to Gradio; None while the chat function works on the next one.
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
        # Gradio 6 closes the generator, or cancels the task, of a reader who left.
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
                # Closed with the wrapper, so that the function's own `finally` runs when its reader leaves.
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
    """Asks the queues of the chatbots in this process for their length at each scrape."""

    def __init__(self):
        self.demos = []

    def collect(self):
        try:
            # Not a public interface, the same in 4.44, 5 and 6; the day it goes, so does this one figure.
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
    and `css`. The metrics ask for no log-in, whatever `auth` is.

    Several chatbots may share one app and its metrics: call this for each, the one at `/` last, since
    it answers everything that stands behind it.
    """
    import gradio as gr

    QUEUES.demos.append(demo)
    if not any(getattr(route, "path", None) == metrics_path for route in app.router.routes):
        exposition = make_asgi_app()
        app.mount(metrics_path, exposition)
        # `app.mount` answers /metrics by a redirect to /metrics/. Prometheus follows it, others may not.
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
    """Serves chatbot and metrics on one port until it is stopped, with the arguments of `launch()`.

    Address and port are also read from `GRADIO_SERVER_NAME` and `GRADIO_SERVER_PORT`; `uvicorn` is a dict of
    what the server itself should be told, such as `{"ssl_keyfile": …, "log_level": "warning"}`.
    """
    import fastapi
    from uvicorn import run

    server_name = server_name or os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    server_port = server_port or int(os.environ.get("GRADIO_SERVER_PORT", "7860"))
    # `launch()` keeps the text of an unexpected error from the reader; `mount_gradio_app` by itself would show it.
    gradio.setdefault("show_error", False)
    app = mount(fastapi.FastAPI(), demo, metrics_path=metrics_path, **gradio)
    run(app, host=server_name, port=server_port, **(uvicorn or {}))

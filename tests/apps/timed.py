"""A chatbot that streams tokens at a steady pace and writes down when, so that a client's measurements can
be checked against the server's own.

    python timed.py --port 7860 --log FILE [--cert FILE --key FILE]

Each line of the log is a word, the Unix time in nanoseconds, and what it is about:

- `request`: a request's head has arrived; its path.
- `start`: the app begins on a message; the message.
- `first`: the app hands its first token to Gradio; the message.
- `sent`: Gradio hands the first chunk to the connection.

It runs on Gradio 5 and 6 and listens on the loopback address alone.
"""

import argparse
import asyncio
import time

import gradio as gr
import uvicorn
from fastapi import FastAPI

TOKENS = 50
PAUSE_SECONDS = 0.02


class Log:
    def __init__(self, path):
        self.file = open(path, "a", buffering=1)

    def __call__(self, word, about=""):
        self.file.write(f"{word} {time.time_ns()} {about}\n")


class Watched:
    """The app with its log, around all that Gradio does."""

    def __init__(self, app, log):
        self.app = app
        self.log = log

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        self.log("request", scope["path"])
        awaited = scope["path"].endswith("/queue/data")

        async def watched(message):
            nonlocal awaited
            if awaited and b'"process_generating"' in message.get("body", b""):
                awaited = False
                self.log("sent")
            await send(message)

        return await self.app(scope, receive, watched)


def build(log):
    async def reply(message, history):
        log("start", message)
        said = ""
        for number in range(TOKENS):
            await asyncio.sleep(PAUSE_SECONDS)
            said += f"t{number} "
            if number == 0:
                log("first", message)
            yield said

    messages = {"type": "messages"} if gr.__version__.startswith("5.") else {}
    page = gr.ChatInterface(reply, api_name="chat", concurrency_limit=None, **messages)
    return Watched(gr.mount_gradio_app(FastAPI(), page, path="/"), log)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    settings = parser.parse_args()
    uvicorn.run(
        build(Log(settings.log)),
        host="127.0.0.1",
        port=settings.port,
        log_level="warning",
        ssl_certfile=settings.cert,
        ssl_keyfile=settings.key,
    )


if __name__ == "__main__":
    main()

"""A chatbot as people build them with Gradio: it streams, and it remembers a name.

    python bot.py --port 7860 [--name support --name sales]

Without names there is one bot at `/`; with names there is one below each `/NAME/`. Beside them:

- `/metrics`: what examples/gradio-metrics counts, all bots together.
- `/metrics/credentials`: a page of metrics that contains the credentials of the request.
- `/control/NAME` (`/control/bot` without names): GET returns the bot's mood, POST `{"mood": "error"}`
  changes it while it runs. The moods are the ways in which chatbots break.

A bot whose name begins with `echo-` has a further input. It repeats its credentials and inputs in its
replies and in its errors.

It listens on the loopback address only.
"""

import argparse
import asyncio
import pathlib
import re
import sys

import gradio as gr
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples/gradio-metrics"))
from gradio_metrics import mount, watched

MOODS = {
    "ok": "answers",
    "slow": "answers correctly, after 1.5 s",
    "error": "raises gr.Error, as apps do when their model fails",
    "nonsense": "answers without the remembered name",
    "hang": "accepts the message and never replies",
}
NAME = re.compile(r"(?:je m'appelle|my name is)\s+([^\s.!?,]+)", re.IGNORECASE)
FRENCH = {
    "greeting": "Bonjour {}, je suis content de faire votre connaissance.",
    "memory": "Vous vous appelez {}, vous me l'avez dit tout à l'heure.",
    "stranger": "Je ne connais pas encore votre nom. Comment vous appelez-vous ?",
    "nonsense": "Il fait beau aujourd'hui, n'est-ce pas ? Je vous écoute.",
}
ENGLISH = {
    "greeting": "Hello {}, I am glad to meet you.",
    "memory": "Your name is {}, you told me a moment ago.",
    "stranger": "I do not know your name yet. What is it?",
    "nonsense": "What a lovely day it is. I am all ears.",
}
CHUNK_SECONDS = 0.03


class Mood(BaseModel):
    mood: str


class Bot:
    """One bot with its own mood."""

    def __init__(self):
        self.mood = "ok"

    async def reply(self, message, history):
        # Polled, so that a hanging bot answers the waiting requests after its mood changes.
        while self.mood == "hang":
            await asyncio.sleep(0.1)
        if self.mood == "error":
            raise gr.Error("The model is overloaded.")
        if self.mood == "slow":
            await asyncio.sleep(1.5)
        said = ""
        for word in self.answer(message, history).split(" "):
            said = f"{said} {word}".strip()
            yield said
            await asyncio.sleep(CHUNK_SECONDS)

    async def echo(self, message, history, token, request: gr.Request):
        received = f"Received {credentials(request.headers)} and {token}."
        if self.mood == "error":
            raise gr.Error(f"The model is overloaded. {received}")
        async for said in self.reply(message, history):
            yield f"{received} {said}"

    def answer(self, message, history):
        words = FRENCH if re.search(r"\b(?:je|bonjour|comment)\b", message, re.IGNORECASE) else ENGLISH
        if self.mood == "nonsense":
            return words["nonsense"]
        introduced = NAME.search(message)
        if introduced:
            return words["greeting"].format(introduced.group(1))
        for turn in reversed(history):
            known = NAME.search(said_by_user(turn))
            if known:
                return words["memory"].format(known.group(1))
        return words["stranger"]


def credentials(headers):
    return " ".join(headers[name] for name in ("authorization", "x-key") if name in headers)


def said_by_user(turn):
    """The user's words in one entry of the history, whose content may be text or a list of parts."""
    if turn.get("role") != "user":
        return ""
    content = turn.get("content")
    parts = content if isinstance(content, list) else [content]
    return " ".join(part.get("text", "") if isinstance(part, dict) else str(part) for part in parts)


def build(names):
    app = FastAPI()
    bots = {name: Bot() for name in names or ["bot"]}

    @app.get("/metrics/credentials")
    def repeated(request: Request):
        value = credentials(request.headers).replace("\\", "\\\\").replace('"', '\\"')
        return Response(f'chatbot_credentials{{credentials="{value}"}} 1\n', media_type=CONTENT_TYPE_LATEST)

    @app.get("/control/{name}")
    def mood(name: str) -> Mood:
        return Mood(mood=found(name).mood)

    @app.post("/control/{name}")
    def change(name: str, wanted: Mood) -> Mood:
        if wanted.mood not in MOODS:
            raise HTTPException(422, f"`{wanted.mood}` is not a mood; expected one of {list(MOODS)}")
        found(name).mood = wanted.mood
        return wanted

    def found(name):
        if name not in bots:
            raise HTTPException(404, f"no bot `{name}`; expected one of {list(bots)}")
        return bots[name]

    for name, bot in bots.items():
        is_echo = name.startswith("echo-")
        page = gr.ChatInterface(
            watched(bot.echo if is_echo else bot.reply),
            additional_inputs=[gr.Textbox(label="Token")] if is_echo else None,
            title=name,
            api_name="chat",
            concurrency_limit=40,
        )
        app = mount(app, page, path=f"/{name}" if names else "/")
    return app


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", action="append", default=[])
    settings = parser.parse_args()
    app = build(settings.name)
    uvicorn.run(app, host="127.0.0.1", port=settings.port, log_level="warning")


if __name__ == "__main__":
    main()

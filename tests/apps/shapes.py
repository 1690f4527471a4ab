"""A chatbot in the shapes that Gradio apps have, on any Gradio from 3.40 to 6.

    python shapes.py SHAPE=PORT…

Each shape is a separate app with its own port on the loopback address. The apps are started one
after the other. It remembers the name of the user ("my name is Ada", "what is my name?") and echoes
any other message; it fails when asked to ("please fail") and breaks off in the middle ("break off").
It has a few set answers too (`ANSWERS`), for checks that an echo cannot pass.

Gradio 3.0 has no chat and no queue: of all shapes it knows `plain` alone.
"""

import os
import re
import signal
import sys
import threading
import time

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradio as gr

RELEASE = tuple(int(part) for part in gr.__version__.split(".")[:2])
# Histories are pairs before 4.44; from 6.0 on nothing but messages is left, and no choice.
MESSAGES = RELEASE >= (4, 44)
CHOICE = {"type": "messages"} if (4, 44) <= RELEASE < (6, 0) else {}
PRIVATE = {"api_visibility": "private"} if RELEASE >= (6, 0) else {"api_name": False}

ANSWERS = {
    "as json": '{"answer": "Paris is the capital of France", "sources": [{"page": 12}, {"page": 40}], "sure": true}',
    "en français": "Bien sûr, je peux vous aider à retrouver votre commande dès maintenant.",
    "open a ticket": "Your ticket is T-4711, and somebody will call you back today.",
}


def words(value):
    """The text of a message, in any of its wrappers."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return words(value["text"] if "text" in value else value.get("content"))
    if isinstance(value, (list, tuple)):
        return " ".join(words(part) for part in value)
    # What a page of 4.38 hands over of a box for text and files.
    return getattr(value, "text", "")


def heard(history):
    """What the user said so far."""
    for item in history or []:
        if not isinstance(item, dict):
            yield words(item[0])
        elif item["role"] == "user":
            yield words(item["content"])


def think(message, history):
    message = words(message)
    asked = message.lower()
    if "please fail" in asked:
        raise gr.Error("the model is overloaded")
    if "what is my name" in asked:
        names = re.findall(r"my name is (\w+)", " ".join(heard(history)))
        return f"Your name is {names[-1]}." if names else "You did not tell me."
    for wanted, answer in ANSWERS.items():
        if wanted in asked:
            return answer
    return f"I heard you say: {message}"


def stream(message, history, *further):
    if further:
        yield f"inputs: {further}"
        return
    grown = ""
    for word in think(message, history).split(" "):
        time.sleep(0.02)
        grown = f"{grown} {word}".strip()
        yield grown
        if grown.count(" ") == 3 and "break off" in words(message):
            raise gr.Error("broke off")


def once(message, history):
    time.sleep(0.1)
    return think(message, history)


def slowly(message, history):
    for second in range(3):
        time.sleep(1)
        yield f"{second + 1} s"


def chain(**visibility):
    """Text box, then chatbot, whose value is all the memory there is."""
    with gr.Blocks() as app:
        chat = gr.Chatbot(**CHOICE)
        box = gr.Textbox(label="Say")

        def ask(message, history):
            asked = {"role": "user", "content": message} if MESSAGES else [message, None]
            return "", (history or []) + [asked]

        def reply(history):
            question = list(heard(history))[-1]
            for grown in stream(question, history[:-1]):
                if MESSAGES:
                    yield history + [{"role": "assistant", "content": grown}]
                else:
                    yield history[:-1] + [[question, grown]]

        asked = box.submit(ask, [box, chat], [box, chat], queue=False, **visibility)
        asked.then(reply, chat, chat, **visibility)
    return app


def state():
    """Text in, text out, and a memory on the server that no page shows."""
    with gr.Blocks() as app:
        past = gr.State([])
        box = gr.Textbox(label="Say")
        answer = gr.Textbox(label="Answer")

        def talk(message, past):
            grown = ""
            for grown in stream(message, [[said, ""] for said in past]):
                yield grown, past
            yield grown, past + [message]

        box.submit(talk, [box, past], [answer, past])
    return app


def plain():
    """Text in, text out, and no memory."""

    def answer(message):
        return think(message, [])

    return gr.Interface(answer, "text", "text")


def build(shape):
    interface = lambda function, **more: gr.ChatInterface(function, **CHOICE, **more)
    if shape == "chain":
        return chain()
    if shape == "private":
        return chain(**PRIVATE)
    if shape == "state":
        return state()
    if shape == "plain":
        return plain()
    if shape == "once":
        return interface(once)
    if shape == "multimodal":
        return interface(stream, multimodal=True)
    if shape == "inputs":
        further = [gr.Textbox("Be kind.", label="System prompt"), gr.Slider(0, 1, 0.7, label="Temperature")]
        return interface(stream, additional_inputs=further)
    if shape == "busy":
        return interface(slowly, **({"concurrency_limit": 1} if RELEASE >= (4, 11) else {}))
    return interface(stream)


def start(shape, port):
    app = build(shape)
    if RELEASE >= (3, 1):
        limits = {}
        if shape == "busy":
            # One answer at a time, and one more may wait.
            limits = {"max_size": 1, **({"concurrency_count": 1} if RELEASE < (4, 0) else {})}
        app = app.queue(**limits)
    if shape == "mounted":
        import fastapi
        import uvicorn

        server = gr.mount_gradio_app(fastapi.FastAPI(), app, path="/my/bot")
        settings = {"host": "127.0.0.1", "port": port, "log_level": "warning"}
        threading.Thread(target=uvicorn.run, args=[server], kwargs=settings, daemon=True).start()
        return
    more = {"auth": ("ada", "secret")} if shape == "login" else {}
    app.launch(server_name="127.0.0.1", server_port=port, quiet=True, prevent_thread_lock=True, **more)


for argument in sys.argv[1:]:
    shape, _, port = argument.partition("=")
    start(shape, int(port))
signal.pause()

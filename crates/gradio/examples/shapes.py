"""A chatbot in one of the shapes that Gradio apps have, on any Gradio from 3.40 to 6.

    python shapes.py SHAPE PORT

It remembers the name it was told ("my name is Ada", "what is my name?"), echoes what else it hears,
fails when asked to ("please fail"), and breaks off in the middle ("break off").
"""

import os
import re
import sys
import time

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradio as gr

SHAPE, PORT = sys.argv[1], int(sys.argv[2])
RELEASE = tuple(int(part) for part in gr.__version__.split(".")[:2])
# Histories are pairs before 4.44; from 6.0 on nothing but messages is left, and no choice.
MESSAGES = RELEASE >= (4, 44)
CHOICE = {"type": "messages"} if (4, 44) <= RELEASE < (6, 0) else {}


def words(value):
    """The text of a message, whatever it is wrapped in."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return words(value["text"] if "text" in value else value.get("content"))
    if isinstance(value, (list, tuple)):
        return " ".join(words(part) for part in value)
    return ""


def heard(history):
    """What the user said so far."""
    for item in history or []:
        if not isinstance(item, dict):
            yield words(item[0])
        elif item["role"] == "user":
            yield words(item["content"])


def think(message, history):
    message = words(message)
    if "please fail" in message:
        raise gr.Error("the model is overloaded")
    if "what is my name" in message:
        names = re.findall(r"my name is (\w+)", " ".join(heard(history)))
        return f"Your name is {names[-1]}." if names else "You did not tell me."
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


def chain():
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

        box.submit(ask, [box, chat], [box, chat], queue=False).then(reply, chat, chat)
    return app


def build():
    interface = lambda function, **more: gr.ChatInterface(function, **CHOICE, **more)
    if SHAPE == "chain":
        return chain()
    if SHAPE == "once":
        return interface(once)
    if SHAPE == "multimodal":
        return interface(stream, multimodal=True)
    if SHAPE == "inputs":
        further = [gr.Textbox("Be kind.", label="System prompt"), gr.Slider(0, 1, 0.7, label="Temperature")]
        return interface(stream, additional_inputs=further)
    if SHAPE == "busy":
        return interface(slowly, **({"concurrency_limit": 1} if RELEASE >= (4, 11) else {}))
    return interface(stream)


def main():
    limits = {}
    if SHAPE == "busy":
        limits = {"max_size": 1, **({"concurrency_count": 1} if RELEASE < (4, 0) else {})}
    app = build().queue(**limits)
    if SHAPE == "mounted":
        import fastapi
        import uvicorn

        server = gr.mount_gradio_app(fastapi.FastAPI(), app, path="/my/bot")
        uvicorn.run(server, host="127.0.0.1", port=PORT, log_level="warning")
        return
    more = {"auth": ("ada", "secret")} if SHAPE == "login" else {}
    app.launch(server_name="127.0.0.1", server_port=PORT, quiet=True, **more)


main()

"""What the apps share: how they are served, and a small stub instead of a model.

    python APP.py PORT [ssr | mounted | prefixed]
"""

import os
import re
import sys
import time

import gradio as gr

VERSION = int(gr.__version__.split(".")[0])
# Chats of messages; Gradio 6 knows no other kind and has no argument for it.
MESSAGES = {} if VERSION >= 6 else {"type": "messages"}
# The same for `gr.ChatInterface`, whose argument is new in 5.
INTERFACE = MESSAGES if VERSION == 5 else {}


def user(text):
    return {"role": "user", "content": text}


def bot(text):
    return {"role": "assistant", "content": text}


def text_of(content):
    """The text of a message, in any form that this version of Gradio returns."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return content.get("text") or ""
    if isinstance(content, (list, tuple)):
        return " ".join(text_of(part) for part in content)
    return ""


def said(history):
    """What the user said, in order, from messages or from pairs."""
    for item in history or []:
        if isinstance(item, dict):
            if item["role"] == "user":
                yield text_of(item["content"])
        else:
            yield text_of(item[0])


def answer(message, past=()):
    """Greets a name, remembers it, and repeats everything else."""
    found = re.search(r"my name is ([\w-]+)", message, re.IGNORECASE)
    if found:
        return f"Hello {found.group(1)}, nice to meet you."
    if "my name" in message.lower():
        for text in reversed(list(past)):
            found = re.search(r"my name is ([\w-]+)", text, re.IGNORECASE)
            if found:
                return f"Your name is {found.group(1)}."
        return "I do not know your name."
    return f"You said {message}."


def stream(message, past=(), pause=0.05):
    """The same answer, growing word by word."""
    words = answer(message, past).split(" ")
    for count in range(1, len(words) + 1):
        time.sleep(pause)
        yield " ".join(words[:count])


def grow(history):
    """Answers the last message of a history of messages, word by word."""
    *past, last = list(said(history))
    for text in stream(last, past):
        yield history + [bot(text)]


def grow_pairs(history):
    """The same for a history of pairs."""
    *past, last = list(said(history))
    for text in stream(last, past):
        yield history[:-1] + [[history[-1][0], text]]


# Chatbots of pairs; Gradio 6 has none.
PAIRS = {"type": "tuples"} if VERSION == 5 else {}


def picture():
    """The path of a small picture, in the folder for temporary files that every app may read."""
    import tempfile

    from PIL import Image

    path = os.path.join(tempfile.mkdtemp(), "picture.png")
    Image.new("RGB", (8, 8)).save(path)
    return path


def interface(function, **more):
    return gr.ChatInterface(function, **INTERFACE, **more)


def serve(demo, **launch):
    """Serves the app as the command line says."""
    port, how = int(sys.argv[1]), sys.argv[2:3]
    if how == ["mounted"]:
        import fastapi
        import uvicorn

        app = gr.mount_gradio_app(fastapi.FastAPI(), demo, path="/bot")
        uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
        return
    if VERSION >= 5:
        launch["ssr_mode"] = how == ["ssr"]
    if how == ["prefixed"]:
        launch["root_path"] = "/app"
    demo.launch(server_name="127.0.0.1", server_port=port, quiet=True, **launch)

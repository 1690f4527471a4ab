"""A chatbot that streams and serves its metrics.

    pip install -r requirements.txt
    python app.py 7860          # chat at http://localhost:7860/, metrics at http://localhost:7860/metrics

Say "fail" to see an error counted. GRADIO_SERVER_NAME=0.0.0.0 lets a Prometheus in a container reach it.
"""

import sys
import time

import gradio as gr

from gradio_metrics import serve, watched

VERSION = tuple(int(part) for part in gr.__version__.split(".")[:2])
# Gradio 4.44 and 5 ask which form the history has; 6 knows but one, and refuses the question.
FORM = {"type": "messages"} if (4, 44) <= VERSION < (6, 0) else {}


@watched
def reply(message, history):
    if "fail" in message:
        raise gr.Error("The model is overloaded")
    said = ""
    for word in f"You said: {message}".split(" "):
        time.sleep(0.05)
        said += word + " "
        yield said


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else None
    serve(gr.ChatInterface(reply, **FORM), server_port=port, uvicorn={"log_level": "warning"})

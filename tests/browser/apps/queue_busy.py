"""Another user holds the only place of the bot, and the message waits in the queue."""
from support import *
import json
import threading
import urllib.request

API = "/gradio_api" if VERSION >= 5 else ""
with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox()

    def reply(history):
        last = list(said(history))[-1]
        time.sleep(60 if last == "occupy" else 0)
        return history + [bot("done")]

    box.submit(lambda message, history: ("", history + [user(message)]), [box, chat], [box, chat]).then(
        reply, chat, chat, concurrency_limit=1
    )


def occupy():
    """Starts the second step as another session, as soon as the server answers, and reads its stream."""
    content = [{"type": "text", "text": "occupy"}] if VERSION >= 6 else "occupy"
    body = {"data": [[user(content)]], "fn_index": 1, "session_hash": "another"}
    queue = f"http://127.0.0.1:{sys.argv[1]}{API}/queue"
    join = urllib.request.Request(f"{queue}/join", json.dumps(body).encode(), {"Content-Type": "application/json"})
    while True:
        try:
            urllib.request.urlopen(join)
            return urllib.request.urlopen(f"{queue}/data?session_hash=another").read()
        except OSError:
            time.sleep(0.1)


threading.Thread(target=occupy, daemon=True).start()
serve(demo)

"""A timer fetches the answer that a thread writes."""
from support import *
import threading

with gr.Blocks() as demo:
    job = gr.State({})
    chat = gr.Chatbot(**MESSAGES)
    box = gr.Textbox()
    timer = gr.Timer(0.3)
    jobs = {}

    def start(message, history):
        key = str(time.time())
        past = list(said(history))

        def work():
            time.sleep(0.5)
            jobs[key] = answer(message, past)

        threading.Thread(target=work).start()
        return "", history + [user(message)], {"key": key}

    def poll(history, job):
        done = jobs.pop(job.get("key"), None)
        return (history + [bot(done)]) if done else gr.skip()

    box.submit(start, [box, chat], [box, chat, job])
    timer.tick(poll, [chat, job], chat)
serve(demo)

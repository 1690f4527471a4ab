"""One function for a recording or a text; a file and a picture may be added."""
from support import *

with gr.Blocks() as demo:
    chat = gr.Chatbot(**MESSAGES)
    recording = gr.Audio(sources=["microphone"], type="filepath", label="Speak")
    files = gr.File(file_count="multiple", label="Files")
    image = gr.Image(type="filepath", label="Picture")
    box = gr.Textbox(label="Message")
    send = gr.Button("Send")

    def reply(recording, files, image, message, history):
        assert recording is None and not files and image is None
        return None, None, None, "", history + [user(message), bot(answer(message, said(history)))]

    parts = [recording, files, image, box, chat]
    send.click(reply, parts, parts)
    box.submit(reply, parts, parts)
    recording.stop_recording(reply, parts, parts)
serve(demo)

"""A chat interface with a mode, an upload and a list of files around it."""
from support import *


def reply(message, history, mode, prompt):
    yield from stream(message, said(history))


with gr.Blocks() as demo:
    with gr.Row():
        with gr.Column(scale=3):
            mode = gr.Radio(["RAG", "Search", "Basic", "Summarize"], value="RAG", label="Mode")
            explanation = gr.Textbox("Ask about your files.", max_lines=2, label="Explanation", interactive=False)
            upload = gr.UploadButton("Upload File(s)")
            files = gr.List([["a.pdf"]], headers=["File name"], label="Ingested Files", interactive=False)
            prompt = gr.Textbox("Be helpful.", label="System Prompt", lines=2, interactive=True, render=False)
            upload.upload(lambda file: None, inputs=upload, outputs=None)
            files.change(lambda: None, None, None)
            demo.load(lambda: [["a.pdf"]], None, files)
            mode.change(lambda mode: (mode + ".", "Be helpful."), inputs=mode, outputs=[explanation, prompt])
        with gr.Column(scale=7):
            interface(reply, chatbot=gr.Chatbot(label="LLM: mock", elem_id="chatbot", **MESSAGES), additional_inputs=[mode, prompt])
serve(demo)

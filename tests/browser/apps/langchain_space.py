"""The API key has a box; a change of the key makes the agent's state, which a message does not need."""
from support import *

with gr.Blocks() as demo:
    with gr.Row():
        gr.Markdown("<h3><center>Chat-Your-Data</center></h3>")
        key = gr.Textbox(placeholder="Paste your OpenAI API key (sk-...)", show_label=False, lines=1, type="password")
    chat = gr.Chatbot(**PAIRS)
    with gr.Row():
        message = gr.Textbox(label="What's your question?", placeholder="Ask questions about the most recent state of the union", lines=1)
        submit = gr.Button(value="Send", variant="secondary")
    gr.Examples(examples=["What did the president say?"], inputs=message)
    state, agent = gr.State(), gr.State()

    def reply(key, text, history, agent):
        history = history or []
        past = [question for question, _ in history]
        history = history + [[text, answer(text, past)]]
        return history, history

    submit.click(reply, inputs=[key, message, state, agent], outputs=[chat, state])
    message.submit(reply, inputs=[key, message, state, agent], outputs=[chat, state])
    key.change(lambda key: {"key": key}, inputs=[key], outputs=[agent])
serve(demo)

"""The box is locked by the first step; steps of the agent are messages with titles, then comes the answer."""
from support import *
from gradio import ChatMessage

with gr.Blocks() as demo:
    state = gr.State({})
    stored = gr.State([])
    files = gr.State([])
    with gr.Sidebar():
        with gr.Group():
            box = gr.Textbox(lines=3, label="Chat Message", container=False, placeholder="Enter your prompt here and press Shift+Enter or press the button")
            submit = gr.Button("Submit", variant="primary")
    chat = gr.Chatbot(label="Agent", **MESSAGES)

    def log(text, files):
        return text, gr.Textbox(value="", interactive=False, placeholder="Please wait…"), gr.Button(interactive=False)

    def interact(prompt, messages, state):
        state.setdefault("past", [])
        messages.append(ChatMessage(role="user", content=prompt))
        yield messages
        messages.append(ChatMessage(role="assistant", content="**Step 1**", metadata={"title": "Step 1", "status": "done"}))
        yield messages
        messages.append(ChatMessage(role="assistant", content=answer(prompt, state["past"])))
        state["past"].append(prompt)
        yield messages

    def enable():
        return gr.Textbox(interactive=True, placeholder="Enter your prompt here and press the button"), gr.Button(interactive=True)

    for event in (box.submit, submit.click):
        event(log, [box, files], [stored, box, submit]).then(interact, [stored, chat, state], [chat]).then(enable, None, [box, submit])
serve(demo)

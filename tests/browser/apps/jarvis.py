"""Keys have boxes and buttons of their own before the chat."""
from support import *

with gr.Blocks() as demo:
    state = gr.State(value={"past": []})
    with gr.Row():
        openai = gr.Textbox(show_label=False, placeholder="Set your OpenAI API key here and press Enter", lines=1, type="password")
        set_openai = gr.Button("Submit OpenAI key")
    with gr.Row():
        hugging = gr.Textbox(show_label=False, placeholder="Set your Hugging Face Token here and press Enter", lines=1, type="password")
        set_hugging = gr.Button("Submit token")
    chat = gr.Chatbot(elem_id="chatbot", label="HuggingGPT", **PAIRS)
    box = gr.Textbox(show_label=False, placeholder="Enter text and press enter", container=False)
    send = gr.Button("Send")
    clear = gr.Button("Clear")

    def reply(state, history):
        text = history[-1][0]
        history[-1][1] = answer(text, state["past"])
        state["past"] = state["past"] + [text]
        return state, history

    for event in (openai.submit, set_openai.click):
        event(lambda state, key: (state, ""), [state, openai], [state, openai])
    for event in (hugging.submit, set_hugging.click):
        event(lambda state, key: (state, ""), [state, hugging], [state, hugging])
    for event in (box.submit, send.click):
        event(lambda state, history, text: (state, history + [[text, None]], ""), [state, chat, box], [state, chat, box]).then(
            reply, [state, chat], [state, chat]
        )
    clear.click(lambda: ({"past": []}, []), None, [state, chat])
serve(demo)

"""A handler outside of the queue that does not answer."""
from support import *
import asyncio

with gr.Blocks() as demo:
    box = gr.Textbox()
    chat = gr.Chatbot(**MESSAGES)

    async def hang(message, history):
        await asyncio.sleep(20)
        return "", history

    box.submit(hang, [box, chat], [box, chat], queue=False)
serve(demo)

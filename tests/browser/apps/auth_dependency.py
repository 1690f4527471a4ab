"""A chat mounted in FastAPI, whose `auth_dependency` lets nobody in, or everybody with OPEN=1."""
from support import *

import fastapi
import uvicorn

app = gr.mount_gradio_app(
    fastapi.FastAPI(),
    interface(lambda message, history: answer(message, said(history))),
    path="/",
    auth_dependency=lambda request: "ada" if os.environ.get("OPEN") else None,
)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

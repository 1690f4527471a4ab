"""The page answers 500 while the API works, as Gradio 4 does with a Starlette that is too new."""
from support import *
import uvicorn
from fastapi import FastAPI, Response


class BrokenPage:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/":
            return await Response("Internal Server Error", 500)(scope, receive, send)
        return await self.app(scope, receive, send)


demo = interface(lambda message, history: "You said " + message)
uvicorn.run(BrokenPage(gr.mount_gradio_app(FastAPI(), demo, path="/")), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

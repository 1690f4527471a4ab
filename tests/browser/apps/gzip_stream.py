"""A middleware compresses everything, which keeps the stream back until its end."""
from support import *
import gzip
import uvicorn
from fastapi import FastAPI
from starlette.responses import Response


class Buffered:
    """Compresses whole streams for those who accept gzip, as Starlette's middleware did."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        accepts = dict(scope.get("headers", [])).get(b"accept-encoding", b"")
        if scope["type"] != "http" or not scope["path"].endswith("/queue/data") or b"gzip" not in accepts:
            return await self.app(scope, receive, send)
        start, body = {}, bytearray()

        async def keep(message):
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                headers = {name.decode(): value.decode() for name, value in start["headers"]}
                headers.pop("content-length", None)
                headers["content-encoding"] = "gzip"
                await Response(gzip.compress(bytes(body)), start["status"], headers)(scope, receive, send)

        await self.app(scope, receive, keep)


demo = interface(lambda message, history: (yield from stream(message, said(history), 0.5)))
app = Buffered(gr.mount_gradio_app(FastAPI(), demo, path="/"))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

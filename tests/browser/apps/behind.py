"""A chat mounted in an app with a middleware of the kind that `BEHIND` names."""
from support import *
import fastapi
import uvicorn
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

KIND = os.environ["BEHIND"]
server = fastapi.FastAPI()
MOUNT = "/chat" if KIND == "redirect" else "/"


@server.middleware("http")
async def check(request, call_next):
    path = request.url.path
    if KIND == "assets" and ("/assets/" in path or "/_app/" in path):
        return PlainTextResponse("gone", 404)
    if KIND == "config" and path.endswith("/config"):
        return JSONResponse({"detail": "no"}, 401)
    if KIND == "cookie" and path.endswith("/queue/join") and "visit" not in request.cookies:
        return JSONResponse({"detail": "open the page first"}, 403)
    if KIND == "redirect" and path == "/":
        return RedirectResponse("/chat/")
    if KIND == "redirect" and path == "/config":
        return JSONResponse({"version": "1", "name": "another service"})
    response = await call_next(request)
    if KIND == "cookie" and path == "/":
        response.set_cookie("visit", "1")
    return response


demo = interface(lambda message, history: answer(message, said(history)))
server = gr.mount_gradio_app(server, demo, path=MOUNT)
uvicorn.run(server, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

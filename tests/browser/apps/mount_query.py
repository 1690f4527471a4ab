"""A chat below `/chat` that answers with the tenant of the query; `/` redirects to it as `REDIRECT` says."""
from support import *
import fastapi
import uvicorn
from starlette.responses import RedirectResponse

TARGETS = {
    "keeps": lambda request: f"/chat/?{request.url.query}",
    "drops": lambda request: "/chat/",
    "adds": lambda request: "/chat/?tenant=acme",
    "slash": lambda request: f"/chat?{request.url.query}",
}
server = fastapi.FastAPI()


@server.get("/")
def home(request: fastapi.Request):
    return RedirectResponse(TARGETS[os.environ["REDIRECT"]](request))


def reply(message, history, request: gr.Request):
    return f"tenant={dict(request.query_params).get('tenant')}"


@server.get("/config")
def config():
    return {"name": "another service"}


server = gr.mount_gradio_app(server, interface(reply), path="/chat")
uvicorn.run(server, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

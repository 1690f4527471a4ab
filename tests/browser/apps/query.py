"""Answers by the query of the page's address."""
from support import *


def reply(message, history, request: gr.Request):
    return f"tenant={dict(request.query_params).get('tenant')}"


serve(interface(reply))

"""What a chatbot keeps when it moves from launch() to this module. Run with each Gradio by `make test`.

    python -W ignore -m unittest test_gradio_metrics     # Gradio's own warnings left out
"""

import asyncio
import unittest
import unittest.mock

import gradio as gr
from fastapi import FastAPI
from fastapi.testclient import TestClient

import gradio_metrics

MAJOR = int(gr.__version__.split(".")[0])


def chatbot():
    return gr.ChatInterface(lambda message, history: message)


class Mounted(unittest.TestCase):
    def test_the_queue_keeps_the_settings_that_its_owner_gave_it(self):
        demo = chatbot()
        demo.queue(max_size=7, default_concurrency_limit=9)
        gradio_metrics.mount(FastAPI(), demo)
        self.assertEqual((demo._queue.max_size, demo._queue.default_concurrency_limit), (7, 9))

    def test_a_log_in_guards_the_chat_and_not_the_metrics(self):
        app = gradio_metrics.mount(FastAPI(), chatbot(), auth=("me", "secret"))
        with TestClient(app) as reader:
            self.assertEqual(reader.get("/config").status_code, 401)
            self.assertEqual(reader.get("/metrics").status_code, 200)
            reader.post("/login", data={"username": "me", "password": "secret"})
            self.assertEqual(reader.get("/config").status_code, 200)

    def test_an_argument_that_gradio_does_not_know_is_refused(self):
        with self.assertRaisesRegex(TypeError, "share"):
            gradio_metrics.mount(FastAPI(), chatbot(), share=True)

    @unittest.skipIf(MAJOR < 6, "before 6 the theme was the constructor's")
    def test_a_theme_is_passed_on(self):
        demo = chatbot()
        gradio_metrics.mount(FastAPI(), demo, theme="soft")
        self.assertEqual(demo.theme.name, "soft")


class Served(unittest.TestCase):
    def served(self, **options):
        """What `serve` hands to uvicorn, and the chatbot."""
        demo = chatbot()
        with unittest.mock.patch("uvicorn.run") as run:
            gradio_metrics.serve(demo, **options)
        return run.call_args.kwargs, demo

    def test_address_and_port_are_those_of_launch(self):
        used, _ = self.served(server_name="0.0.0.0", server_port=8000, uvicorn={"log_level": "warning"})
        self.assertEqual(used, {"host": "0.0.0.0", "port": 8000, "log_level": "warning"})
        used, _ = self.served()
        self.assertEqual(used, {"host": "127.0.0.1", "port": 7860})
        variables = {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "8001"}
        with unittest.mock.patch.dict("os.environ", variables):
            used, _ = self.served()
        self.assertEqual(used, {"host": "0.0.0.0", "port": 8001})

    def test_the_text_of_an_unexpected_error_is_kept_from_the_reader(self):
        self.assertFalse(self.served()[1].show_error)
        self.assertTrue(self.served(show_error=True)[1].show_error)


class Watched(unittest.TestCase):
    def test_a_reader_who_leaves_closes_the_chat_function_too(self):
        ended = []

        def reply(message, history):
            try:
                yield "a"
                yield "b"
            finally:
                ended.append("generator")

        async def slow_reply(message, history):
            try:
                yield "a"
                yield "b"
            finally:
                ended.append("async generator")

        async def leave():
            parts = gradio_metrics.watched(slow_reply)("hello", [])
            await anext(parts)
            await parts.aclose()
            return list(ended)

        parts = gradio_metrics.watched(reply)("hello", [])
        next(parts)
        parts.close()
        self.assertEqual(asyncio.run(leave()), ["generator", "async generator"])

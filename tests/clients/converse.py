"""Holds one conversation by `gradio_client` and prints its times, as one line of JSON.

    python converse.py URL SAY…

Times are Unix seconds; CPU and memory are this process's own, as the system counts them.
"""

import json
import resource
import sys
import time

from gradio_client import Client


def say(client, said):
    sent_at, first_at, text = time.time(), None, None
    for text in client.submit(said, api_name="/chat"):
        first_at = first_at or time.time()
    return {"sent_at": sent_at, "first_at": first_at, "text": text}


def peak_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def main():
    url, *says = sys.argv[1:]
    client = Client(url, verbose=False, analytics_enabled=False)
    turns = [say(client, said) for said in says]
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds = used.ru_utime + used.ru_stime
    print(json.dumps({"turns": turns, "cpu_seconds": cpu_seconds, "peak_kib": peak_kib()}))


if __name__ == "__main__":
    main()

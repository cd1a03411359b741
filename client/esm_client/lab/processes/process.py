"""The other side of `Workers`: a process that takes requests as lines of JSON and tells events.

Its own process, because a job may exhaust the memory and take its process with it.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import IO, Any

from esm_client.core.errors import EsmError

Event = dict[str, Any]
Tell = Callable[[Event], None]
Work = Callable[[Event], Event]
"""Does what a request asks for and gives the event that ends it."""


def serve(make: Callable[[str, Tell], Work]) -> None:
    """Read requests from stdin until it ends; write events to what was stdout.

    make: is given the torch device of this process, and what to tell progress to.
    """
    device, threads = sys.argv[1], int(sys.argv[2])
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print is no event
    import torch

    torch.set_num_threads(threads)
    requests: SimpleQueue[Event] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    work = make(device, lambda event: _tell(events, event))
    while True:
        _tell(events, _answer(work, requests.get()))


def _listen(requests: "SimpleQueue[Event]") -> None:
    """Take lines as they come; when the other side is gone, nobody wants the work any more."""
    for line in sys.stdin:
        requests.put(json.loads(line))
    os._exit(0)


def _tell(events: IO[str], event: Event) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()


def _answer(work: Work, request: Event) -> Event:
    """Do one thing; whatever goes wrong is an event, and the next one is done."""
    try:
        return work(request)
    except EsmError as error:
        return {"event": "failed", "reason": error.message, "hint": error.hint}
    except MemoryError:
        return {"event": "failed", "reason": "The memory did not suffice.", "hint": ""}
    except Exception as error:  # one bad data set must not stop the others
        import traceback

        traceback.print_exc()
        reason = f"{type(error).__name__}: {str(error)[:300]}"
        return {"event": "failed", "reason": reason, "hint": "See the worker's log."}

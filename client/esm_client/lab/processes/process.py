"""The other side of `Workers`: a process that takes requests as lines of JSON and tells events.

Its own process, because a job may exhaust the memory and take its process with it.
"""

import os
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import IO, TypeVar

from pydantic import BaseModel, TypeAdapter

from esm_client.core.errors import EsmError
from esm_client.lab.processes.messages import Done, Event, Failed, as_line

Request = TypeVar("Request", bound=BaseModel)
Tell = Callable[[Event], None]
Work = Callable[[Request], Done]
"""Does what a request asks for."""


def serve(requests: TypeAdapter[Request], make: Callable[[str, Tell], Work[Request]]) -> None:
    """Read requests from stdin until it ends; write events to what was stdout.

    requests: how a line is read. make: is given the torch device of this process, and what to
    tell progress and facts to.
    """
    device, threads = sys.argv[1], int(sys.argv[2])
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print is no event
    import torch

    torch.set_num_threads(threads)
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    work = make(device, lambda event: _tell(events, event))
    while True:
        _tell(events, _answer(work, requests.validate_json(lines.get())))


def _listen(lines: "SimpleQueue[str]") -> None:
    """Take lines as they come; when the other side is gone, the work is of no use any more."""
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


def _tell(events: IO[str], event: Event) -> None:
    events.write(as_line(event))
    events.flush()


def _answer(work: Work[Request], request: Request) -> Done | Failed:
    """Do one thing; whatever goes wrong is an event, and the next one is done."""
    try:
        return work(request)
    except EsmError as error:
        return Failed(error.message, error.hint)
    except MemoryError:
        return Failed("The memory did not suffice.")
    except Exception as error:  # one bad data set must not stop the others
        import traceback

        traceback.print_exc()
        return Failed(f"{type(error).__name__}: {str(error)[:300]}", "See the worker's log.")

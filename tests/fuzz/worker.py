"""One process that feeds readers, with bounds on time and memory for every input."""

import json
import logging
import os
import resource
import signal
import sys
import time
import tracemalloc
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from fuzz.reader import Reader

from esm_client.core.errors import EsmError
from esm_client.core.schemas import Problem

SECONDS = 5.0
"""Of the processor, that one input may take ..."""
BASE_BYTES, BYTES_PER_BYTE = 16 * 2**20, 500
"""... and memory: this much, and so much more for each of its bytes. Pydantic lists every wrong
value of a document, some 400 bytes each."""
MOST_BYTES = 3 * 2**30
"""Address space of the process beyond what it had at the start, which holds what tracemalloc does
not see."""
LONGEST_MESSAGE = 2000
ACCEPTED = "accepted"


class TooSlow(BaseException):
    """An input took too long."""


@dataclass(frozen=True)
class Verdict:
    """What became of one input: accepted, the error's class, or what is wrong."""

    outcome: str
    seconds: float
    peak: int
    fault: str | None = None


def judge(reader: Reader, data: bytes) -> Verdict:
    """Feed one input; tracemalloc must be running."""
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    started, fault = time.process_time(), None
    try:
        reader.read(data)
        outcome = ACCEPTED
    except EsmError as error:
        outcome, fault = type(error).__name__, _unfit(error)
    except TooSlow:
        outcome, fault = "hang", f"more than {SECONDS} seconds"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        outcome, fault = "crash", f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    seconds = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1] - before
    if fault is None and peak > BASE_BYTES + BYTES_PER_BYTE * len(data):
        fault = f"{peak} bytes of memory for {len(data)} bytes of input"
    return Verdict(outcome, seconds, peak, fault)


def _unfit(error: EsmError) -> str | None:
    """Why an error cannot be shown to anybody."""
    try:
        Problem.of(error).model_dump_json().encode()
        str(error).encode()
    except (ValueError, KeyError) as cause:
        return f"{type(error).__name__} cannot be sent: {cause}"
    if len(str(error)) > LONGEST_MESSAGE:
        return f"{type(error).__name__} has {len(str(error))} characters"
    return None if error.message.strip() else f"{type(error).__name__} says nothing"


def prepare() -> None:
    """Start measuring, and limit the process."""
    warnings.simplefilter("ignore")
    logging.disable()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    signal.signal(signal.SIGVTALRM, _too_slow)
    tracemalloc.start()


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def schedule(readers: list[Reader], first: int, step: int) -> Iterator[tuple[Reader, int]]:
    """Readers by turns, and the number of their next input; every `step`-th round from `first`."""
    number = first
    while True:
        for reader in readers:
            for turn in range(reader.weight):
                yield reader, number * reader.weight + turn
        number += step


def work(readers: list[Reader], seed: int, first: int, step: int) -> None:
    """Judge inputs for ever, a line of JSON for each; the line before it names the input."""
    prepare()
    for reader, number in schedule(readers, first, step):
        data = reader.input(seed, number)
        # told before it is read, so that whoever waits knows what killed this process
        sys.stdout.write(f"{reader.name} {number}\n")
        sys.stdout.flush()
        verdict = judge(reader, data)
        line = [verdict.outcome, round(verdict.seconds, 6), verdict.peak, len(data), verdict.fault]
        sys.stdout.write(json.dumps(line) + "\n")

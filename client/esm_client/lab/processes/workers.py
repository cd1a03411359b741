"""A process per device, fed one job after another."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import IO, Generic, TypeVar

from pydantic import BaseModel

from esm_client.core.progress import Progress, silent
from esm_client.lab.extras import require
from esm_client.lab.processes.messages import Done, Event, Fact, Failed, Step, from_line

Item = TypeVar("Item")
Hear = Callable[[int, Item, Fact | Done | Failed], None]
"""Told (worker, item, event) from several threads; the last event of an item is Done or Failed."""


def choose_devices(devices: Iterable[str], workers: int | None) -> list[str]:
    """One device per worker: those named; else every CUDA device; else one or more CPU workers."""
    named = list(devices)
    if not named:
        torch = require("torch")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        named = [f"cuda:{number}" for number in range(count)] or ["auto"]
    return [device for device in named for _ in range(workers or 1)]


class Workers(Generic[Item]):
    """Processes that share a queue of jobs; each that dies is replaced, and costs one job.

    module: what they run, with `serve` (process.py).
    """

    def __init__(self, devices: list[str], threads: int | None, logs: Path, module: str) -> None:
        self._devices, self._logs, self._module = devices, logs, module
        cores = os.cpu_count() or 1
        self._threads = threads or max(1, cores // len(devices))
        self._stopped = Flag()
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._files: list[IO[bytes]] = []
        self._error: BaseException | None = None

    def __enter__(self) -> "Workers[Item]":
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes at once: what they were at goes on from its checkpoint."""
        self._stopped.set()
        for process in list(self._processes.values()):
            process.kill()
            _close(process)
        for file in self._files:
            file.close()

    def run(
        self,
        jobs: Iterable[tuple[Item, BaseModel]],
        hear: Hear[Item],
        progress: Progress = silent,
    ) -> None:
        """Do all jobs; `progress` hears the steps of all workers, also those of one that died."""
        queue: SimpleQueue[tuple[Item, BaseModel]] = SimpleQueue()
        for job in jobs:
            queue.put(job)
        crew = [
            Thread(target=self._work, args=(number, queue, hear, progress), daemon=True)
            for number in range(min(len(self._devices), queue.qsize()))
        ]
        for thread in crew:
            thread.start()
        for thread in crew:
            while thread.is_alive():  # a plain join would not let Ctrl-C through
                thread.join(0.2)
        if self._error is not None:
            raise self._error

    def _work(
        self,
        number: int,
        queue: "SimpleQueue[tuple[Item, BaseModel]]",
        hear: Hear[Item],
        progress: Progress,
    ) -> None:
        while not self._stopped.is_set():
            try:
                item, request = queue.get_nowait()
            except Empty:
                return
            try:
                self._do(number, item, request, hear, progress)
            except BaseException as error:  # raised where somebody waits for it
                self._error = error
                self._stopped.set()

    def _do(
        self, number: int, item: Item, request: BaseModel, hear: Hear[Item], progress: Progress
    ) -> None:
        unfinished: dict[str, int] = {}
        for event in self._events(number, request):
            if isinstance(event, Step):
                unfinished[event.name] = event.total
                if event.done >= event.total:
                    del unfinished[event.name]
                progress(event.name, event.done, event.total)
                continue
            if not isinstance(event, Fact):
                for name, total in unfinished.items():
                    progress(name, total, total)
            hear(number, item, event)

    def _events(self, number: int, request: BaseModel) -> Generator[Event]:
        """What a worker tells of a request; where it dies, the request has failed."""
        process = self._process(number)
        try:
            assert process.stdin is not None  # noqa: S101 - opened as a pipe
            assert process.stdout is not None  # noqa: S101
            process.stdin.write(f"{json.dumps(request.model_dump(mode='json'))}\n")
            process.stdin.flush()
            for line in process.stdout:
                event = from_line(line)
                if event is None:
                    process.kill()
                    break
                yield event
                if isinstance(event, Done | Failed):
                    return
        except BrokenPipeError:
            pass
        self._processes.pop(number, None)
        if not self._stopped.is_set():
            yield _death(_close(process), self._log(number))

    def _process(self, number: int) -> "subprocess.Popen[str]":
        if number not in self._processes:
            log = self._log(number).open("ab")
            self._files.append(log)
            command = [
                sys.executable,
                "-m",
                self._module,
                self._devices[number],
                str(self._threads),
            ]
            self._processes[number] = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True, encoding="utf-8",
                env={**os.environ, "OMP_NUM_THREADS": str(self._threads),
                     "TOKENIZERS_PARALLELISM": "false"},
            )  # fmt: skip
        return self._processes[number]

    def _log(self, number: int) -> Path:
        return self._logs / f"worker-{number}.log"


def _close(process: "subprocess.Popen[str]") -> int:
    """Wait for a process that ends, and close its pipes; its exit code."""
    code = process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # of what it did not take any more
                pipe.close()
    return code


def _death(code: int, log: Path) -> Failed:
    if code == -9:
        return Failed(
            "Its process was killed; most often the machine's memory did not suffice.",
            "Use fewer workers, a smaller batch_size or fewer rows.",
        )
    return Failed(f"Its process ended with exit code {code}.", f"See {log}.")

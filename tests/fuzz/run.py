"""Fuzz everything that reads bytes from outside; only an EsmError may come out.

    python tests/fuzz/run.py --seconds 600            # or --inputs 300000
    python tests/fuzz/run.py --repeat config:7:1234   # one input again, with its traceback

Every input follows from the seed, the reader and a number. Prints a table and last one JSON line;
inputs that fail are written to --save, and the exit status is then 1.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("client", "server", "tests")]
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from fuzz.file_readers import FILE_READERS  # noqa: E402
from fuzz.reader import Reader  # noqa: E402
from fuzz.tally import Tally  # noqa: E402
from fuzz.wire_readers import WIRE_READERS  # noqa: E402
from fuzz.worker import judge, prepare, work  # noqa: E402

READERS = {reader.name: reader for reader in (*FILE_READERS, *WIRE_READERS)}
STUCK_SECONDS = 60.0
"""After which a worker that says nothing is ended: its input holds it outside of Python."""


class Fuzz:
    """Worker processes, and what they found."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._deadline = time.monotonic() + options.seconds
        self._lock = threading.Lock()
        self.tally = Tally()
        self.restarts = 0

    def run(self) -> None:
        """Until the time or the inputs are used up."""
        jobs = self._options.jobs
        threads = [threading.Thread(target=self._follow, args=(job,)) for job in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @property
    def _is_over(self) -> bool:
        return time.monotonic() > self._deadline or self.tally.inputs >= self._options.inputs

    def _follow(self, job: int) -> None:
        """Start workers, one after the other died, each going on behind what killed the last."""
        first = job
        while not self._is_over:
            killer = self._one(first)
            if killer is not None:
                reader, number = killer
                first = number // READERS[reader].weight + self._options.jobs
                with self._lock:
                    self.restarts += 1
                    self.tally.rows[reader].add("crash", 0.0, 0, "killed")
                self._report(reader, number, "the process died or was stuck")

    def _one(self, first: int) -> tuple[str, int] | None:
        """Follow one worker; the input that killed it, if one did."""
        options = self._options
        command = [sys.executable, __file__, "--worker", f"{options.seed}:{first}:{options.jobs}"]
        command += ["--readers", options.readers] if options.readers else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            last, timer = None, None
            try:
                for line in process.stdout:
                    name, _, number = line.rpartition(" ")
                    if not line.startswith("["):
                        last = name, int(number)
                        timer = threading.Timer(STUCK_SECONDS, process.kill)
                        timer.start()
                        continue
                    assert timer is not None
                    timer.cancel()
                    assert last is not None
                    self._count(*last, *json.loads(line))
                    last = None
                    if self._is_over:
                        return None
            finally:
                process.kill()
            if last is None:
                raise RuntimeError("a worker ended without an input")
            return last

    def _count(
        self, name: str, number: int, outcome: str, seconds: float, peak: int, size: int,
        fault: str | None,
    ) -> None:  # fmt: skip
        with self._lock:
            self.tally.rows[name].add(outcome, seconds, peak, fault)
            if fault is not None:
                self._report(name, number, fault)

    def _report(self, name: str, number: int, fault: str) -> None:
        folder, seed = Path(self._options.save), self._options.seed
        folder.mkdir(parents=True, exist_ok=True)
        data = READERS[name].input(seed, number)
        (folder / f"{name}-{seed}-{number}").write_bytes(data)
        print(f"FAULT --repeat {name}:{seed}:{number}  {fault}", flush=True)


def repeat(text: str) -> None:
    """Feed one input and let what comes out be seen."""
    name, seed, number = text.rsplit(":", 2)
    data = READERS[name].input(int(seed), int(number))
    print(f"{len(data)} bytes: {data[:300]!r}")
    prepare()
    print(judge(READERS[name], data))
    READERS[name].read(data)


def chosen(names: str) -> list[Reader]:
    """The readers to feed: all, or some by name."""
    return [READERS[name] for name in names.split(",")] if names else list(READERS.values())


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=None, help="60 unless --inputs is given")
    parser.add_argument("--inputs", type=int, default=None)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--readers", default="", help=", ".join(READERS))
    parser.add_argument("--save", default="fuzz-failures", help="folder for inputs that fail")
    parser.add_argument("--repeat", help="READER:SEED:NUMBER of one input")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.repeat:
        repeat(options.repeat)
        return 0
    if options.worker:
        work(chosen(options.readers), *(int(part) for part in options.worker.split(":")))
    if options.seconds is None:
        options.seconds = 60.0 if options.inputs is None else float("inf")
    options.inputs = options.inputs or 10**12
    print(f"seed {options.seed}", flush=True)
    fuzz, started = Fuzz(options), time.monotonic()
    fuzz.run()
    print(fuzz.tally.table())
    seconds = round(time.monotonic() - started, 1)
    told = {"seed": options.seed, "seconds": seconds, "restarts": fuzz.restarts}
    print(json.dumps({**fuzz.tally.summary(), **told}))
    return 1 if fuzz.tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())

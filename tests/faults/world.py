"""A registry on real back ends that is broken again and again while clients use it."""

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from faults.backends import Backends
from faults.deeds import SPACE, Actor
from faults.verdict import Verdict
from support.registry import Process, RunningRegistry

from esm_client import Client, EsmError

ACTORS = 3
READ_EVERY = 10
"""After how many faults every new byte is read again."""


class World:
    """One registry; `env` says on which back ends, which `backends` can break."""

    def __init__(
        self, folder: Path, env: dict[str, str], backends: Backends, seed: int = 0
    ) -> None:
        self.backends = backends
        self.folder, self.env = folder, {"ESM_SERVER_WORKERS": "1", **env}
        self.rng = random.Random(seed)
        self.verdict = Verdict()
        self.actors: list[Actor] = []
        self.done: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.faults = 0
        self._known: list[Actor] = []
        self.server = self.start()

    def start(self) -> RunningRegistry:
        return RunningRegistry(self.folder / "registry", self.env)

    def act(self) -> None:
        """Set new clients to work."""
        first = len(self._known) + len(self.actors)
        self.actors = [
            Actor(self.server.url, self.server.admin_token, self.folder, first + index)
            for index in range(ACTORS)
        ]
        for actor in self.actors:
            actor.start()
        until = time.monotonic() + 60
        # on a busy machine nothing would be acknowledged before the first fault
        while not self.faults and time.monotonic() < until:
            if any(actor.done["push"] for actor in self.actors):
                break
            time.sleep(0.01)

    def rest(self) -> None:
        """Until no client does anything."""
        for actor in self.actors:
            actor.stopped.set()
        for actor in self.actors:
            actor.join(120)
            if actor.is_alive():
                self.verdict.wrong.append(f"client {actor.seed} hangs")
            self.done += actor.done
            self.broken += actor.broken
        self._known += self.actors
        self.actors = []

    def sweep(self, grace: str = "0s") -> Process:
        """`esm-server gc` beside the server, which may be killed."""
        return self.server.begin_command("gc", "--grace", grace)

    def kill_the_server(self, longest: float = 2.0) -> None:
        """kill -9 at a random moment of whatever goes on, gc included; then a new one."""
        self.act()
        gc = self.sweep() if self.rng.random() < 0.5 else None
        time.sleep(self.rng.uniform(0.05, longest))
        self.server.kill()
        if gc is not None:
            gc.kill()
            gc.wait()
        self.rest()
        self.faults += 1
        self.server = self.start()
        self.judge()

    def break_beside(self, fault: Callable[[], None], before: float, after: float) -> None:
        """Something the server needs breaks and comes back, while it goes on."""
        self.act()
        time.sleep(self.rng.uniform(0.05, before))
        fault()
        time.sleep(after)
        self.rest()
        self.faults += 1
        self.judge()

    def judge(self, *, whole: bool = False) -> None:
        """Compare with what was told, lately or ever; read and check all now and then."""
        self._wait_until_ready()
        whole = whole or self.faults % READ_EVERY == 0
        with Client(
            self.server.url, self.server.admin_token, cache_dir=self.folder / "cache"
        ) as client:
            self.verdict.compare(client, self._known if whole else self._known[-ACTORS:])
            if whole and any(space.name == SPACE for space in client.spaces()):
                self.verdict.read_all(client, self.folder / "read")
        if whole:
            self.verdict.check(self.server)

    def _wait_until_ready(self, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        with self.server.client() as client:
            while (answer := client.get("/health/ready")).status_code != 200:
                if time.monotonic() > until:
                    raise EsmError(f"not ready again: {answer.text}", "")
                time.sleep(0.1)

    def close(self) -> None:
        """End it all, after a last look."""
        self.rest()
        try:
            self.judge(whole=True)
        finally:
            self.server.kill()

    def report(self, name: str) -> dict[str, object]:
        """The figures of a run."""
        verdict = self.verdict
        return {
            "run": name,
            "faults": self.faults,
            "acknowledged": dict(self.done),
            "refused or cut off": dict(self.broken),
            "lost": len(verdict.lost),
            "half": len(verdict.half),
            "wrong": len(verdict.wrong),
            "unclean checks": len(verdict.unclean),
            "versions verified": len(verdict.verified),
        }

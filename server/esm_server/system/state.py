"""What is looked up when Prometheus asks: rankings, workers, pools, connections."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from esm_client.core.errors import EsmError
from esm_server.db.database import Database
from esm_server.engine.scoring import Engine
from esm_server.rankings.queue import RankingQueue
from esm_server.spaces.repository import SpaceRepository

MOST_SPACES = 50
"""Spaces with a series of their own, the largest; the rest is added up as `other`."""


class StateCollector(Collector):
    """Gauges of one server."""

    def __init__(self, database: Database, engine: Engine, queue: RankingQueue) -> None:
        self._database, self._engine, self._queue = database, engine, queue

    def describe(self) -> list[Any]:
        """Nothing: what is registered must not ask the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All gauges; a database that does not answer keeps none of them away."""
        running, waiting = self._queue.counts()
        yield _gauge("esm_server_rankings_running", "Rankings being scored", running)
        yield _gauge("esm_server_rankings_waiting", "Rankings waiting for a place", waiting)
        crew = self._engine.crew
        yield _gauge("esm_server_workers", "Processes that may score maps", crew.size)
        yield _gauge("esm_server_workers_alive", "Of those, running now", crew.num_alive)
        pool = GaugeMetricFamily(
            "esm_server_pool_maps", "Maps at hand of a space", labels=["space"]
        )
        for space, count in self._pools().items():
            pool.add_metric([space], count)
        yield pool
        in_use: Any = getattr(self._database.engine.pool, "checkedout", None)
        if in_use is not None:
            shown = "Database connections in use"
            yield _gauge("esm_server_database_connections_in_use", shown, in_use())

    def _pools(self) -> dict[str, int]:
        resident = sorted(self._engine.resident().items(), key=lambda one: -one[1])
        names: dict[int, str] = {}
        with suppress(EsmError), self._database.read() as session:
            names = SpaceRepository(session).names([number for number, _ in resident[:MOST_SPACES]])
        found = {names.get(number, f"space-{number}"): n for number, n in resident[:MOST_SPACES]}
        if rest := resident[MOST_SPACES:]:
            found["other"] = found.get("other", 0) + sum(count for _, count in rest)
        return found


def _gauge(name: str, shown: str, value: int) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, shown, value=value)

"""Counters for Prometheus; a registry per app, so two apps in one process do not mix."""

import platform

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
RANKING_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)
"""Upper bounds of the histograms: what clients wait for, from a look-up to a large pool."""


class Metrics:
    """What is counted while it happens; `add` brings what is looked up when somebody asks."""

    def __init__(self, version: str) -> None:
        self._registry = registry = CollectorRegistry()
        route = ("method", "route")
        self._requests = Counter(
            "esm_server_requests", "Answered requests", (*route, "status"), registry=registry
        )
        self._seconds = Histogram(
            "esm_server_request_seconds", "Request duration", route, registry=registry,
            buckets=REQUEST_SECONDS,
        )  # fmt: skip
        self._received = Counter(
            "esm_server_received_bytes", "Bytes of requests' bodies", route, registry=registry
        )
        self._sent = Counter(
            "esm_server_sent_bytes", "Bytes of answers' bodies", route, registry=registry
        )
        self.requests_in_progress = Gauge(
            "esm_server_requests_in_progress", "Requests being worked on", registry=registry
        )
        self._pushes = Counter(
            "esm_server_pushes", "Versions pushed, alone or in packs", ("outcome",),
            registry=registry,
        )  # fmt: skip
        self.pulls = Counter(
            "esm_server_pulls", "Maps sent out, alone or in packs", registry=registry
        )
        self._rankings = Counter(
            "esm_server_rankings", "Finished rankings", ("outcome",), registry=registry
        )
        self.ranking_seconds = Histogram(
            "esm_server_ranking_seconds", "Time from a ranking's request to its receipt",
            registry=registry, buckets=RANKING_SECONDS,
        )  # fmt: skip
        self._blob_errors = Counter(
            "esm_server_blob_errors", "Failed operations of the blob store", ("operation",),
            registry=registry,
        )  # fmt: skip
        for outcome in ("new", "known", "refused"):
            self._pushes.labels(outcome)
        for outcome in ("done", "failed", "cancelled"):
            self._rankings.labels(outcome)
        build = Gauge(
            "esm_server_build_info", "Which server this is", ("version", "python"),
            registry=registry,
        )  # fmt: skip
        build.labels(version, platform.python_version()).set(1)

    def add(self, collector: Collector) -> None:
        """Have a collector asked at every scrape."""
        self._registry.register(collector)

    def observe(
        self, method: str, route: str, status: int, seconds: float, *, received: int, sent: int
    ) -> None:
        """Count one request; `route` is the path's template, or empty for an unknown path."""
        # Made-up methods and paths must not make new series.
        if not route:
            method, route = "", "unknown"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
        self._received.labels(method, route).inc(received)
        self._sent.labels(method, route).inc(sent)

    def count_push(self, outcome: str) -> None:
        """A version was pushed: `new`, `known` (the same content again) or `refused`."""
        self._pushes.labels(outcome).inc()

    def count_ranking(self, outcome: str, seconds: float) -> None:
        """A ranking ended: `done`, `failed` or `cancelled`, after so many seconds."""
        self._rankings.labels(outcome).inc()
        if outcome == "done":
            self.ranking_seconds.observe(seconds)

    def count_blob_error(self, operation: str) -> None:
        """The blob store could not do something."""
        self._blob_errors.labels(operation).inc()

    def render(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self._registry)

"""Counters for Prometheus; a registry per app, so two apps in one process do not mix."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest


class Metrics:
    """Requests by method, route and status, and how long they took."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter(
            "esm_server_requests", "Answered requests", labels, registry=self._registry
        )
        self._seconds = Histogram(
            "esm_server_request_seconds", "Request duration", labels[:2], registry=self._registry
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; `route` is the path's template, or empty for an unknown path."""
        # Made-up methods and paths must not make new series.
        if not route:
            method, route = "", "unknown"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def render(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self._registry)

"""The page that Prometheus asks for."""

from esm_server.system.one_at_a_time import OneAtATime
from esm_server.telemetry.metrics import Metrics


class MetricsPage:
    """All metrics of one server as text."""

    def __init__(self, metrics: Metrics) -> None:
        self._render = OneAtATime(metrics.render, "metrics")

    async def text(self) -> bytes:
        """The Prometheus text format."""
        return await self._render()

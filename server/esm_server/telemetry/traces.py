"""Traces by OpenTelemetry; until `start_traces` nothing of it is imported, and spans cost nothing.

Span names and attributes hold routes, digests and counts, never bodies, tokens or SQL parameters.
"""

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from esm_client.core.errors import MissingExtra

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

EXPORT_SECONDS = 5.0
"""How long a collector may take for one batch; one that does not answer holds nobody up longer."""
_NOTHING = nullcontext()


class Span:
    """A piece of work in a trace: attributes can be added while it goes on."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def note(self, **attributes: str | int) -> None:
        """Add attributes; `a__b` is written `a.b`."""
        for name, value in attributes.items():
            self._inner.set_attribute(name.replace("__", "."), value)

    def rename(self, name: str) -> None:
        """Another name, now that it is known."""
        self._inner.update_name(name)

    def end(self) -> None:
        """The work is done; only for a span of `begin`."""
        self._inner.end()


class _Tracing:
    """Where spans of this process go; nowhere while there is no provider."""

    provider: "TracerProvider | None" = None
    tracer: Any = None


def start_traces(endpoint: str, version: str) -> None:
    """Send spans to an OTLP/HTTP collector, in batches in the background; raises MissingExtra."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as cause:
        raise MissingExtra(
            "ESM_SERVER_TRACES_ENDPOINT is set, but OpenTelemetry is not installed.",
            'Install it with: pip install "esm-registry[server,traces]", or unset the variable.',
        ) from cause
    stop_traces()
    resource = Resource.create({"service.name": "esm-server", "service.version": version})
    _Tracing.provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)
    _Tracing.provider.add_span_processor(BatchSpanProcessor(exporter))
    _Tracing.tracer = _Tracing.provider.get_tracer("esm_server", version)


def stop_traces() -> None:
    """Send what is left, and no more."""
    provider, _Tracing.provider, _Tracing.tracer = _Tracing.provider, None, None
    if provider is not None:
        provider.shutdown()


def are_traced() -> bool:
    """Whether spans go anywhere."""
    return _Tracing.tracer is not None


def span(name: str, **attributes: str | int) -> AbstractContextManager[Span | None]:
    """A span around a block, below the one around it; an exception marks it as failed."""
    if _Tracing.tracer is None:
        return _NOTHING
    return _inside(name, attributes)


def begin(name: str, **attributes: str | int) -> Span | None:
    """A span that ends elsewhere, below the present one."""
    if _Tracing.tracer is None:
        return None
    begun = Span(_Tracing.tracer.start_span(name))
    begun.note(**attributes)
    return begun


def request_span(name: str, headers: Mapping[bytes, bytes]) -> AbstractContextManager[Span | None]:
    """The span of a request; it goes on with the trace that a `traceparent` header names."""
    if _Tracing.tracer is None:
        return _NOTHING
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {
        key.decode(): headers[key].decode("latin-1")
        for key in (b"traceparent", b"tracestate")
        if key in headers
    }
    parent = TraceContextTextMapPropagator().extract(carrier)
    return _inside(name, {}, context=parent, kind=SpanKind.SERVER)


@contextmanager
def _inside(name: str, attributes: Mapping[str, str | int], **more: Any) -> Generator[Span | None]:
    with _Tracing.tracer.start_as_current_span(name, **more) as inner:
        current = Span(inner)
        current.note(**attributes)
        yield current

"""Spans of database transactions, from SQLAlchemy's own events."""

from sqlalchemy import Connection, Engine, event

from esm_server.telemetry.traces import begin

_SPAN = "esm_server.span"


def trace_transactions(engine: Engine) -> None:
    """From now on every transaction of the engine is a span: how long, and how it ended."""
    event.listen(engine, "begin", _begin)
    event.listen(engine, "commit", _commit)
    event.listen(engine, "rollback", _rollback)


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    kind = "write" if options.get("esm_write") else "read"
    system = connection.dialect.name
    connection.info[_SPAN] = begin("database", db__system__name=system, transaction=kind)


def _commit(connection: Connection) -> None:
    _end(connection, "commit")


def _rollback(connection: Connection) -> None:
    _end(connection, "rollback")


def _end(connection: Connection, how: str) -> None:
    span = connection.info.pop(_SPAN, None)
    if span is not None:
        span.note(end=how)
        span.end()

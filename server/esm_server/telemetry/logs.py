"""The log: lines for readers, or a JSON document a line for machines."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

from esm_server.telemetry.request_ids import request_id

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


def start_logging(log_format: LogFormat, level: LogLevel) -> None:
    """Log to stderr: the server's own loggers from `level` on, libraries from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("esm_server").setLevel(level.upper())


def event(logger: logging.Logger, name: str, text: str, **fields: Any) -> None:
    """Log something that happened: `text` for readers; its name and plain values for machines.

    The caller sees to it that nothing here is a secret, a body or text of a user's data.
    """
    logger.info(text, extra={"event": name, "fields": fields})


class TextLines(logging.Formatter):
    """`time LEVEL message`, a traceback below it where there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line; nothing in a message looks like the next one."""
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")


class JsonLines(logging.Formatter):
    """A JSON document a line: time, level, logger, event, message, request id, and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", "message"),
            "message": record.getMessage(),
        }
        if (identifier := request_id.get()) is not None:
            document["request_id"] = identifier
        document |= getattr(record, "fields", {})
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)

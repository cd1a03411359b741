"""JSON from outside: how much of it is read, and what must be an object."""

import json
from typing import Any, cast

MAX_CONTAINERS = 100_000
"""Lists and objects that one document may open. Each is watched by Python's garbage collector: some
hundred thousand of them, three bytes each, would take it seconds in which nothing else runs."""


def check_containers(data: bytes | str) -> None:
    """Raise ValueError for JSON that opens too many lists and objects; brackets in texts count."""
    text = data if isinstance(data, str) else data.decode("latin-1")
    count = text.count("[") + text.count("{")
    if count > MAX_CONTAINERS:
        raise ValueError(f"it opens {count} brackets, more than {MAX_CONTAINERS}")


def parse_object(data: bytes | str) -> dict[str, Any]:
    """Parse a JSON object; raises ValueError for anything else, however deep or broken.

    Stricter than the standard library: no lone surrogates, which cannot be written again.
    """
    check_containers(data)
    try:
        document = json.loads(data)
        json.dumps(document, ensure_ascii=False).encode()
    except RecursionError as cause:
        raise ValueError("it is nested too deeply") from cause
    except ValueError as cause:
        raise ValueError("it is not JSON") from cause
    if not isinstance(document, dict):
        raise ValueError("it is not a JSON object")
    return cast("dict[str, Any]", document)

"""Parsing JSON that must be an object."""

import json
from typing import Any, cast


def parse_object(data: bytes | str) -> dict[str, Any]:
    """Parse a JSON object; raises ValueError for anything else, however deep or broken.

    Stricter than the standard library: no lone surrogates, which cannot be written again.
    """
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

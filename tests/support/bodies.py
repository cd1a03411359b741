"""Bodies made to cost more than their bytes, for every endpoint that takes one."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.registry import RunningRegistry

from esm_client.core.limits import (
    MAX_CARD_JSON_BYTES,
    MAX_JSON_BYTES,
    MAX_SPACE_JSON_BYTES,
    MAX_VERSION_JSON_BYTES,
)

JSON, PARTS, OCTETS = "application/json", "multipart/form-data", "application/octet-stream"
MAX_RANKING_BYTES = 96 * 2**20
LIMITS = {
    "POST /v1/spaces": MAX_SPACE_JSON_BYTES,
    "POST /v1/esms/{namespace}/{name}/versions": MAX_VERSION_JSON_BYTES,
    "PATCH /v1/esms/{namespace}/{name}/versions/{selector}": MAX_CARD_JSON_BYTES,
    "POST /v1/rankings": MAX_RANKING_BYTES,
}
"""Of the bodies that may be larger than others."""
BOUNDARY = "b" * 32
Wrap = Callable[[Any], Any]


@dataclass(frozen=True)
class Operation:
    """An endpoint that takes a body: JSON, and some in parts too."""

    method: str
    template: str
    media_types: tuple[str, ...]
    schema: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def path(self) -> str:
        """With something in the place of every parameter."""
        path = self.template.replace("{digest}", "sha256:" + "0" * 64)
        for name in ("namespace", "name", "selector", "alias", "user", "ranking_id"):
            path = path.replace("{" + name + "}", "a")
        assert "{" not in path
        return path

    @property
    def limit(self) -> int:
        """The largest body as JSON."""
        return LIMITS.get(self.name, MAX_JSON_BYTES)


def operations(document: dict[str, Any]) -> list[Operation]:
    """All of an OpenAPI document that take a body which is more than bytes."""
    found: list[Operation] = []
    for template, item in document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {})
            if JSON in content:
                schema = content[JSON]["schema"]
                found.append(Operation(method.upper(), template, tuple(content), schema))
            else:
                assert set(content) <= {OCTETS}, f"{method} {template} takes {set(content)}"
    return found


def places(
    schema: dict[str, Any], schemas: dict[str, Any], wrap: Wrap = lambda inner: inner
) -> Iterator[tuple[str, Wrap]]:
    """All arrays and objects of a JSON schema, and what makes a document with a value there."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for option in schema.get("anyOf", ()):
        yield from places(option, schemas, wrap)
    kind = schema.get("type")
    if kind == "array":
        yield "array", wrap
        yield from places(schema.get("items", {}), schemas, lambda one: wrap([one]))
    if kind == "object":
        yield "object", wrap
        for name, field in schema.get("properties", {}).items():
            yield from places(field, schemas, lambda one, name=name: wrap({name: one}))
        if isinstance(entries := schema.get("additionalProperties"), dict):
            yield from places(entries, schemas, lambda one: wrap({"a": one}))


def _repeated(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))


def _keys(size: int) -> bytes:
    """Distinct ones of 12 bytes: a block of them again and again, with other first characters."""
    blocks, rest = divmod(size // 12, 80_000)
    keys = [b'"kk%05d":0' % number for number in range(80_000 if blocks else rest)]
    block = b",".join(keys)
    pieces = [block.replace(b"kk", b"%02x" % number) for number in range(blocks)]
    return b",".join([*pieces, *keys[:rest]])


FILLINGS: dict[str, Callable[[int], bytes]] = {
    "wrong items": lambda size: b"[%b0]" % _repeated(b"0,", size - 4),
    "empty lists": lambda size: b"[%b[]]" % _repeated(b"[],", size - 6),
    "empty objects": lambda size: b"[%b{}]" % _repeated(b"{},", size - 6),
    "empty texts": lambda size: b'[%b""]' % _repeated(b'"",', size - 6),
    "unknown keys": lambda size: b"{%b}" % _keys(size - 4),
    "deep lists": lambda size: b"[" * size,
    "deep objects": lambda size: _repeated(b'{"a":', size),
    "a long text": lambda size: b'"%b"' % (b"a" * (size - 2)),
    "a long text that is no base64": lambda size: b'"%b"' % (b"\xc3\xa9" * (size // 2 - 2)),
    "escapes": lambda size: b'"%b"' % _repeated(b'\\"', size - 2),
    "a long number": lambda size: b"9" * size,
    "a long fraction": lambda size: b"0." + b"1" * (size - 2),
    "many long numbers": lambda size: b"[%b1]" % _repeated(b"9" * 4000 + b",", size - 4),
    "blanks": lambda size: b" " * size,
}
"""JSON values of so many bytes."""


def filled(document: Any, filling: str, size: int) -> bytes:
    """A JSON document of about so many bytes, the filling where the document holds "@"."""
    text = json.dumps(document, separators=(",", ":")).encode()
    return text.replace(b'"@"', FILLINGS[filling](size - len(text)))


def in_parts(*parts: tuple[str, bytes]) -> bytes:
    """A multipart/form-data body with BOUNDARY."""
    head = b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    pieces = [head % (BOUNDARY.encode(), name.encode(), content) for name, content in parts]
    return b"".join(pieces) + b"--%b--\r\n" % BOUNDARY.encode()


def content_type(media_type: str) -> dict[str, str]:
    """The header that says so."""
    shown = f"{PARTS}; boundary={BOUNDARY}" if media_type == PARTS else media_type
    return {"Content-Type": shown}


def memory(running: RunningRegistry, field: str = "VmRSS") -> int:
    """Resident bytes of a server's own process; VmHWM: the most since `forget_peak`."""
    lines = Path(f"/proc/{running.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def forget_peak(running: RunningRegistry) -> None:
    """Let VmHWM begin again."""
    Path(f"/proc/{running.pid}/clear_refs").write_text("5")


def processor_seconds(running: RunningRegistry) -> float:
    """That a server's own process has used."""
    fields = Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100

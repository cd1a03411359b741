"""A body in several parts, documents and bytes, as multipart/form-data (RFC 7578)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its name, and what it holds."""

    name: str
    content: bytes
    media_type: str = "application/octet-stream"

    def head(self, boundary: str) -> bytes:
        """What stands before the content."""
        return (
            f"--{boundary}\r\nContent-Disposition: form-data; "
            f'name="{self.name}"\r\nContent-Type: {self.media_type}\r\n\r\n'
        ).encode()


def in_parts(parts: Sequence[Part]) -> tuple[dict[str, str], Callable[[], Iterator[bytes]]]:
    """The headers of a request, and what makes its body, anew for every try.

    122 random bits of the boundary stand in none of them.
    """
    boundary = uuid4().hex
    end = f"--{boundary}--\r\n".encode()
    heads = [part.head(boundary) for part in parts]

    def body() -> Iterator[bytes]:
        for head, part in zip(heads, parts, strict=True):
            yield head
            for start in range(0, len(part.content), CHUNK_BYTES):
                yield part.content[start : start + CHUNK_BYTES]
            yield b"\r\n"
        yield end

    size = sum(len(head) + len(part.content) + 2 for head, part in zip(heads, parts, strict=True))
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(size + len(end)),
    }
    return headers, body

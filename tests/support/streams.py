"""Streams for commands in this process, as a process has them on pipes."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def pipe(content: bytes = b"", *, errors: str = "strict") -> io.TextIOWrapper:
    """A text stream as a pipe has it: bytes beneath, UTF-8, no terminal.

    Python writes stderr with `errors="backslashreplace"`, stdout with the strict default.
    """
    return io.TextIOWrapper(
        io.BytesIO(content), encoding="utf-8", errors=errors, newline="\n", write_through=True
    )


def written(stream: io.TextIOWrapper) -> str:
    """What was written; the stream stays open for handlers that got hold of it."""
    stream.flush()
    stream.seek(0)
    return stream.read().replace("\r\n", "\n")


@contextmanager
def standard_streams(*streams: io.TextIOWrapper) -> Iterator[None]:
    """Let stdin, stdout and stderr be these."""
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before

"""The bytes of a file on their way to the server."""

from collections.abc import Callable, Iterator
from pathlib import Path

from esm_client.core.disk import disk_errors

CHUNK_BYTES = 2**18
OnBytes = Callable[[int], None]
"""Called with the bytes of a file that are done."""


def file_chunks(file: Path, start: int, progress: OnBytes | None) -> Iterator[bytes]:
    """From an offset on, telling how far it is."""
    with disk_errors(file, "Check that the file is still there."), file.open("rb") as opened:
        opened.seek(start)
        while chunk := opened.read(CHUNK_BYTES):
            yield chunk
            if progress is not None:
                progress(opened.tell())

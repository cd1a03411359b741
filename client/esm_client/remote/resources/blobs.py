"""Uploaded file contents, named by their sha256."""

from pathlib import Path

from esm_client.remote.transport import Transport


class BlobResource:
    """`/v1/blobs`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def exists(self, digest: str, size: int) -> bool:
        """HEAD: whether the server surely has these bytes, all of them."""
        return self._transport.exists(f"/v1/blobs/{digest}", size)

    def put(self, digest: str, file: Path) -> None:
        """PUT the bytes; the server verifies the digest (DigestMismatch)."""
        self._transport.put_file(f"/v1/blobs/{digest}", file)

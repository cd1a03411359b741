"""Uploaded file contents, named by their sha256."""

from pathlib import Path

from esm_client.remote.transport import Transport


class BlobResource:
    """`/v1/namespaces/{namespace}/blobs`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def exists(self, namespace: str, digest: str, size: int) -> bool:
        """HEAD: whether the server surely has these bytes, all of them."""
        return self._transport.exists(_path(namespace, digest), size)

    def put(self, namespace: str, digest: str, file: Path) -> None:
        """PUT the bytes; the server verifies the digest (DigestMismatch)."""
        self._transport.put_file(_path(namespace, digest), file)


def _path(namespace: str, digest: str) -> str:
    return f"/v1/namespaces/{namespace}/blobs/{digest}"

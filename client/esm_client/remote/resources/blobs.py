"""Uploaded file contents, named by their sha256."""

from pathlib import Path

from esm_client.remote.files.chunks import OnBytes
from esm_client.remote.transport import Transport


class BlobResource:
    """`/v1/namespaces/{namespace}/blobs`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def exists(self, namespace: str, digest: str, size: int) -> bool:
        """HEAD: whether the server surely has these bytes, all of them."""
        return self._transport.files.exists(_path(namespace, digest), size)

    def resume(self, namespace: str, digest: str, file: Path, progress: OnBytes) -> None:
        """PUT what the server does not have of a large file yet; raises ConnectionFailed."""
        path, size = _path(namespace, digest), file.stat().st_size
        offset = self._transport.files.uploaded(path, size)
        progress(offset)
        if offset == 0 and self._transport.files.put_direct(
            path, file, source_model=True, progress=progress
        ):
            return
        if offset < size:
            self._transport.files.put_file(path, file, offset, progress)

    def put(self, namespace: str, digest: str, file: Path) -> None:
        """PUT the bytes; the server verifies the digest (DigestMismatch)."""
        path = _path(namespace, digest)
        if not self._transport.files.put_direct(path, file):
            self._transport.files.put_file(path, file)


def _path(namespace: str, digest: str) -> str:
    return f"/v1/namespaces/{namespace}/blobs/{digest}"

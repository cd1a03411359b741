"""Where a bucket is: known without the S3 client, which only a registry with a bucket imports."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class S3Place:
    """Where a bucket is, and what opens it. Times in seconds."""

    endpoint: str
    bucket: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    ca_file: Path | None = None
    path_style: bool = True
    timeout: float = 20.0
    """Without a byte, until a connection counts as broken."""
    patience: float = 30.0
    """From the first try of a request to the last."""

    def same_bucket(self, other: "S3Place") -> bool:
        """Whether both name one bucket of one server."""
        mine, others = (one.endpoint.rstrip("/").lower() for one in (self, other))
        return (mine, self.bucket) == (others, other.bucket)

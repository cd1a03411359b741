"""Everything that can be configured, from the environment (prefix ESM_SERVER_)."""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from esm_client.core.limits import MAX_ARTIFACT_BYTES, MAX_JSON_BYTES, MAX_SOURCE_MODEL_BYTES
from esm_server.telemetry.logs import LogFormat, LogLevel

Bytes = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Verdict = Literal["off", "warn", "refuse-unless-forced", "refuse"]


def usable_cores() -> int:
    """Cores this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


class Settings(BaseSettings):
    """Settings of one server; read when the app is composed, never at import."""

    model_config = SettingsConfigDict(env_prefix="ESM_SERVER_", frozen=True, env_ignore_empty=True)

    data_dir: Path = Path("esm-registry-data")
    """Where blobs and, in embedded mode, the database lie."""
    database_url: str | None = None
    """postgresql://user:password@host/database; without one, SQLite inside `data_dir`."""
    s3_endpoint: str | None = None
    """Where an S3 server answers (https://host:port); without one, blobs lie in `data_dir`."""
    s3_bucket: str | None = None
    """The bucket for blobs, which must exist."""
    s3_access_key: SecretStr | None = None
    """The name of the key that may list, read, write and delete in the bucket."""
    s3_secret_key: SecretStr | None = None
    """That key's secret."""
    s3_region: str = "us-east-1"
    """The bucket's region; most servers of one's own have none and take this."""
    s3_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._/-]*$", max_length=200)
    """What the names of all objects begin with, so that several registries share a bucket."""
    s3_ca_file: Path | None = None
    """PEM certificates to trust for S3 beside the system's."""
    s3_path_style: bool = True
    """Whether the bucket stands in the path; False: in the host name."""
    s3_cache_bytes: Bytes = 10 * 2**30
    """How much of the bucket is kept in `data_dir` for reading."""
    s3_presign: bool = False
    """Whether clients that can reach the bucket get large files from it and send them to it."""
    s3_public_endpoint: str | None = None
    """Where clients reach the S3 server, if elsewhere than this server does."""
    backup_s3_endpoint: str | None = None
    """The S3 server that backups to a bucket go to, if another than `s3_endpoint`."""
    backup_s3_access_key: SecretStr | None = None
    """The name of the key for it, if another than `s3_access_key`."""
    backup_s3_secret_key: SecretStr | None = None
    """That key's secret."""
    max_blob_bytes: Bytes = MAX_ARTIFACT_BYTES
    """Largest file that is accepted."""
    max_source_model_bytes: Bytes = MAX_SOURCE_MODEL_BYTES
    """Largest file of a source model that is accepted."""
    max_pack_bytes: Bytes = 2**30
    """Largest pack of ESMs that is accepted in one request."""
    max_body_bytes: Bytes = MAX_JSON_BYTES
    """Largest JSON body of a request; with a card, a space or a ranking it may be larger."""
    open_namespaces: bool = True
    """Whether anybody with a token of the scope write may create a namespace."""
    token_days: Annotated[int, Field(ge=0, le=36_500)] = 365
    """Days that a token lives where whoever makes it over the wire says nothing; 0: for ever."""
    max_token_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    """Days that any new token lives at most, whatever is asked for; 0: no limit."""
    unused_token_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    """Days without a use after which any token ends; 0: never."""
    admission_norms: Verdict = "refuse-unless-forced"
    """About a map whose numbers are implausibly small or large, or that is the identity."""
    admission_worse_than_identity: Verdict = "refuse-unless-forced"
    """About a map that imitates its source model worse than no map, on held-out rows."""
    admission_no_fit_report: Verdict = "warn"
    """About a map that does not say how well it fits."""
    admission_unverified_space: Verdict = "warn"
    """About a map without canary embeddings."""
    admission_near_duplicate: Verdict = "warn"
    """About a map that is almost that of another ESM of the space."""
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Processes that score maps, one thread each; None: one per core."""
    device: str = Field(default="cpu", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    """Where maps are scored: cpu, cuda, cuda:1, or auto for a GPU where torch finds one."""
    ranking_budget: Annotated[float, Field(gt=0)] = 60.0
    """Seconds that scoring a whole pool may take before an index chooses a part of it."""
    running_rankings: Annotated[int, Field(ge=1)] = 4
    """How many rankings are scored at a time; their users take turns."""
    waiting_rankings: Annotated[int, Field(ge=1)] = 64
    """How many more may wait; beyond it they are refused for a while."""
    waiting_rankings_per_user: Annotated[int, Field(ge=1)] = 16
    """How many of those may be one user's."""

    requests_per_user: Annotated[int, Field(ge=1)] = 64
    """How many requests of one user may be in progress, downloads and event streams too."""
    requests_per_address: Annotated[int, Field(ge=1)] = 128
    """How many from one address, and twice as many more of users whom the server knows; those from
    this machine itself are counted by user alone."""
    trusted_proxies: str = "127.0.0.1,::1"
    """Networks of proxies whose X-Forwarded-For is believed, separated by commas."""
    head_seconds: Seconds = 10.0
    """How long the head of a request may take, and how long a connection may be idle before it."""
    body_quiet_seconds: Seconds = 15.0
    """How long no byte of a body may come; four times as long once a megabyte has."""
    body_seconds: Seconds = 60.0
    """How long a body may take, and a second more for every 8 KiB of it, of a ranking every 64."""
    unread_seconds: Seconds = 60.0
    """How long a client may leave an answer unread, or take less than 8 KiB of it a second."""

    index_on_gpu: bool = False
    """Whether FAISS keeps its indices on a GPU; needs the extra `gpu`."""

    log_format: LogFormat = "text"
    """Lines for readers, or a JSON document a line."""
    log_level: LogLevel = "info"
    """The least that is logged; requests are `info`."""
    traces_endpoint: str | None = Field(default=None, pattern=r"^(https?://[^\s/]+\S*)?$")
    """URL that an OTLP/HTTP collector takes traces at; needs the extra `traces`."""
    stop_seconds: Annotated[float, Field(ge=0, le=3600)] = 30.0
    """How long requests may go on after a SIGTERM."""

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """What to do about each check of an admission, by the check's name."""
        prefix = "admission_"
        return {
            name.removeprefix(prefix).replace("_", "-"): getattr(self, name)
            for name in type(self).model_fields
            if name.startswith(prefix)
        }

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, value: str) -> str:
        _networks(value)
        return value

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of trusted proxies."""
        return _networks(self.trusted_proxies)

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'registry.sqlite3'}"

    @property
    def blob_dir(self) -> Path:
        """Where the local blob store keeps its files."""
        return self.data_dir / "blobs"

    @property
    def blob_cache_dir(self) -> Path:
        """Where copies of blobs in a bucket are kept; nothing is lost with them."""
        return self.data_dir / "blob-cache"

    @property
    def engine_dir(self) -> Path:
        """Where the engine keeps the maps at hand: derived data, filled again where it is lost."""
        return self.data_dir / "engine"


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks separated by commas; raises ValueError."""
    parts = (part.strip() for part in text.split(","))
    return tuple(ip_network(part, strict=False) for part in parts if part)

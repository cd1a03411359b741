"""Everything that can be configured, from the environment (prefix ESM_SERVER_)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from esm_client.core.limits import MAX_ARTIFACT_BYTES, MAX_SOURCE_MODEL_BYTES

Bytes = Annotated[int, Field(gt=0)]


class Settings(BaseSettings):
    """Settings of one server; read when the app is composed, never at import."""

    model_config = SettingsConfigDict(env_prefix="ESM_SERVER_", frozen=True)

    data_dir: Path = Path("esm-registry-data")
    """Where blobs and, in embedded mode, the database lie."""
    database_url: str | None = None
    """An SQLAlchemy URL; without one, SQLite inside `data_dir`."""
    max_blob_bytes: Bytes = MAX_ARTIFACT_BYTES
    """Largest file that is accepted."""
    max_source_model_bytes: Bytes = MAX_SOURCE_MODEL_BYTES
    """Largest file of a source model that is accepted."""
    max_body_bytes: Bytes = 4 * 2**20
    """Largest JSON body of a request, rankings apart."""
    open_namespaces: bool = True
    """Whether anybody with a token of the scope write may create a namespace."""
    weights_cache_bytes: Annotated[int, Field(ge=0)] = 512 * 2**20
    """How much memory the engine may keep filled with ESM weights."""

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'registry.sqlite3'}"

    @property
    def blob_dir(self) -> Path:
        """Where the local blob store keeps its files."""
        return self.data_dir / "blobs"

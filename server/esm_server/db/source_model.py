"""Fine-tuned source models stored beside versions."""

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class SourceModelRow(SQLModel, table=True):
    """The source model of one version."""

    __tablename__ = "source_models"  # pyright: ignore[reportAssignmentType]

    version_id: int = Field(foreign_key="esm_versions.id", primary_key=True)
    digest: str = Field(max_length=71)
    size: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    created_by: str = Field(max_length=96)


class SourceModelFileRow(SQLModel, table=True):
    """One file of a source model; `digest` and `namespace` as those of a version's file."""

    __tablename__ = "source_model_files"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index("ix_source_model_files_digest_namespace", "digest", "namespace"),)

    version_id: int = Field(foreign_key="source_models.version_id", primary_key=True)
    name: str = Field(max_length=100, primary_key=True)
    digest: str = Field(max_length=71)
    size: int = Field(sa_type=BigInteger)
    namespace: str = Field(max_length=96)

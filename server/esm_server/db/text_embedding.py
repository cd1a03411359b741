"""Mean embeddings of sources' texts, by which sources about the same things are found."""

from sqlmodel import Field, SQLModel


class TextEmbeddingRow(SQLModel, table=True):
    """The mean base embedding of one version's source texts (D float32), if it tells one."""

    __tablename__ = "text_embeddings"  # pyright: ignore[reportAssignmentType]

    version_id: int = Field(foreign_key="esm_versions.id", primary_key=True)
    space_id: int = Field(foreign_key="spaces.id", index=True)
    embedding: bytes

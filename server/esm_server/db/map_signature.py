"""Small signatures of maps, by which near-duplicates are found at a push."""

from sqlmodel import Field, SQLModel


class MapSignatureRow(SQLModel, table=True):
    """A random projection of one version's map (float32), comparable within one space."""

    __tablename__ = "map_signatures"  # pyright: ignore[reportAssignmentType]

    version_id: int = Field(foreign_key="esm_versions.id", primary_key=True)
    space_id: int = Field(foreign_key="spaces.id", index=True)
    signature: bytes

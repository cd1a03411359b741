"""Weight and tokenizer digests that a space has been seen with."""

from sqlmodel import Field, SQLModel


class SpaceDigestRow(SQLModel, table=True):
    """One digest of a space; `kind` is `weights` or `tokenizer`."""

    __tablename__ = "space_digests"  # pyright: ignore[reportAssignmentType]

    space_id: int = Field(foreign_key="spaces.id", primary_key=True)
    kind: str = Field(max_length=20, primary_key=True)
    digest: str = Field(max_length=71, primary_key=True)

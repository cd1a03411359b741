"""What was chosen of a table's columns, why, and how surely."""

from dataclasses import dataclass

from esm_client.core.schemas import SourceKind


@dataclass(frozen=True)
class ColumnChoice:
    """Which columns to use.

    kind: where the columns alone tell; None leaves it to the labels. reasons: one line for each
    choice. doubts: why a person should look; empty where the choice is certain.
    """

    text_columns: tuple[str, ...]
    label_column: str | None
    kind: SourceKind | None = None
    reasons: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether it may be used unseen."""
        return not self.doubts and bool(self.text_columns) and self.label_column is not None

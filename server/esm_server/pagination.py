"""Keyset pages: a page begins after the last key of the one before, however much changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from litestar.params import Parameter

from esm_client.core.errors import InvalidInput
from esm_client.core.limits import MAX_PAGE_ROWS
from esm_client.core.schemas import Page

Row = TypeVar("Row")
Item = TypeVar("Item")

After = Annotated[str | None, Parameter(max_length=200, description="`next` of the page before")]
Limit = Annotated[int, Parameter(ge=1, le=MAX_PAGE_ROWS, description="Rows of one page")]
DEFAULT_LIMIT = 50
LARGEST_KEY = 2**31 - 1
"""No row has a larger one, and PostgreSQL takes no larger one for a key."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What part of a list is asked for."""

    after: str | None
    limit: int

    def after_number(self) -> int | None:
        """`after` of a list whose key is a number; raises InvalidInput."""
        if self.after is None:
            return None
        if not (self.after.isascii() and self.after.isdigit() and len(self.after) < 19):
            raise InvalidInput(
                f"{self.after[:100]!r} does not begin a page.", "Send `next` of the page before."
            )
        return min(int(self.after), LARGEST_KEY)

    def page(
        self, rows: Sequence[Row], key: Callable[[Row], str], convert: Callable[[Row], Item]
    ) -> Page[Item]:
        """A page of `limit` rows; `rows` holds one more when there is a next page."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(items=[convert(row) for row in shown], next=key(shown[-1]) if more else None)

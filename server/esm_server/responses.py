"""How answers become bytes."""

from typing import Any, TypeVar

from litestar import Response
from litestar.serialization import get_serializer
from litestar.types import Serializer
from pydantic import BaseModel

Content = TypeVar("Content")
_DEFAULT: Serializer = get_serializer()


def item_by_item(document: BaseModel, listed: str) -> bytes:
    """A document as JSON, its long list written one item after the other.

    Pydantic would write all of it in one call, in which no other thread runs, the event loop
    neither. To be called in a thread.
    """
    items = b",".join(item.model_dump_json().encode() for item in getattr(document, listed))
    rest = document.model_copy(update={listed: []}).model_dump_json().encode()
    head, _, tail = rest.partition(f'"{listed}":[]'.encode())  # no text holds bare quotes
    return b'%b"%b":[%b]%b' % (head, listed.encode(), items, tail)


class ContractResponse(Response[Content]):
    """Lets pydantic write its own models.

    Litestar's encoder refuses integers above 64 bits, which provenance may hold.
    """

    def render(self, content: Any, media_type: str, enc_hook: Serializer = _DEFAULT) -> bytes:
        """The body; empty for None."""
        if content is None:
            return b""
        if isinstance(content, BaseModel):
            return content.model_dump_json().encode()
        return super().render(content, media_type, enc_hook)

"""How answers become bytes."""

from typing import Any, TypeVar

from litestar import Response
from litestar.serialization import get_serializer
from litestar.types import Serializer
from pydantic import BaseModel

Content = TypeVar("Content")
_DEFAULT: Serializer = get_serializer()


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

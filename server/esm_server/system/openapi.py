"""The OpenAPI document: paths by Litestar, schemas by pydantic.

Litestar's own schemas lose patterns and describe variable-length tuples wrongly, so clients
generated from them would refuse what the server answers.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

from litestar import Litestar, Request
from litestar.openapi.plugins import OpenAPIRenderPlugin
from pydantic.json_schema import models_json_schema

from esm_client.core.errors import NotFound
from esm_client.core.schemas import Contract


class NoPages(OpenAPIRenderPlugin):
    """Takes the place of Litestar's own documents and pages of the API.

    It would serve them where no plugin is named, and make the YAML anew for everybody who asks:
    0.2 seconds each, on the event loop.
    """

    def __init__(self) -> None:
        super().__init__(path="/openapi.json")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002 - the base names it
        """Raises NotFound."""
        raise NotFound(f"There is nothing at {request.url.path!r}.", "Ask /openapi.json.")


@lru_cache(maxsize=1)  # anybody may ask for it, and making it takes many times what sending does
def openapi_document(app: Litestar) -> dict[str, Any]:
    """The whole document; everything it refers to is inside it."""
    document = app.openapi_schema.to_schema()
    models: list[tuple[type[Contract], Literal["validation"]]] = [
        (model, "validation") for model in _models(Contract)
    ]
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")
    document["components"]["schemas"] = definitions["$defs"]
    return document


def _models(base: type[Contract]) -> Iterator[type[Contract]]:
    """Every document of the wire contract, pages of them included."""
    for model in base.__subclasses__():
        if not model.__pydantic_generic_metadata__["parameters"]:  # not `Page` of anything
            yield model
        yield from _models(model)

"""The OpenAPI document: paths by Litestar, schemas by pydantic.

Litestar's own schemas lose patterns and describe variable-length tuples wrongly, so clients
generated from them would refuse what the server answers.
"""

from typing import Any

from litestar import Litestar
from pydantic.json_schema import models_json_schema

from esm_client.core import schemas
from esm_server.system.health import Health

MODELS = (
    Health,
    schemas.EsmVersionCreate,
    schemas.EsmVersionDetail,
    schemas.Identity,
    schemas.Page[schemas.Esm],
    schemas.Page[schemas.EsmVersion],
    schemas.Page[schemas.Space],
    schemas.Problem,
    schemas.RankingCreate,
    schemas.RankingReceipt,
    schemas.ServerInfo,
    schemas.SpaceDetail,
)


def openapi_document(app: Litestar) -> dict[str, Any]:
    """The whole document; everything it refers to is inside it."""
    document = app.openapi_schema.to_schema()
    _, definitions = models_json_schema(
        [(model, "validation") for model in MODELS], ref_template="#/components/schemas/{model}"
    )
    document["components"]["schemas"] = definitions["$defs"]
    return document

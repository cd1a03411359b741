"""Requests from what a user's code gave: checked here, before anything travels."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from esm_client.core.errors import InvalidInput
from esm_client.core.schemas import EsmQuery
from esm_client.core.schemas.finding import CHOICES

Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], values: Mapping[str, Any]) -> Model:
    """The request with these values; raises InvalidInput, naming the first that cannot be."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as cause:
        problem = cause.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the request"
        raise InvalidInput(
            f"{place} is {str(problem['input'])[:100]!r}: {problem['msg'].lower()}.",
            "Correct it and try again.",
        ) from cause


def esm_query(**wanted: Any) -> EsmQuery:
    """A search from the arguments of `Client.list` and its like; raises InvalidInput."""
    given = {key: value for key, value in wanted.items() if value is not None}
    # one word where several may stand means that word
    many = {
        key: (value,) if isinstance(value, str) and key in CHOICES else value
        for key, value in given.items()
    }
    return checked(EsmQuery, many)

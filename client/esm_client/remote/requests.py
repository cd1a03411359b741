"""Requests from what a user's code gave: checked here, before anything travels."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from esm_client.core.errors import InvalidInput

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

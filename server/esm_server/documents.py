"""JSON documents that arrive, in requests and packs."""

from typing import Any, TypeVar

from litestar.exceptions import SerializationException
from litestar.serialization import decode_json
from pydantic import ValidationError

from esm_client.core.document import Document
from esm_client.core.errors import InvalidInput
from esm_client.core.json_object import check_containers

Read = TypeVar("Read", bound=Document)
SEE_DOCUMENT = "GET /openapi.json shows what is expected."


def read_document(model: type[Read], data: bytes) -> Read:
    """A document of the contract; raises InvalidInput, naming the first thing that is wrong.

    It takes a thread, and the interpreter's lock, for as long as the document is large.
    """
    return checked_document(model, parsed(data))


def parsed(data: bytes) -> Any:
    """What JSON says, whatever it is; raises InvalidInput."""
    try:
        check_containers(data)
        return decode_json(data)
    except UnicodeDecodeError as cause:
        raise InvalidInput("The request's body is not UTF-8 text.", SEE_DOCUMENT) from cause
    except (SerializationException, ValueError) as cause:
        raise InvalidInput(
            f"The request is not valid: {str(cause)[:300]}.", SEE_DOCUMENT
        ) from cause


def checked_document(model: type[Read], given: Any) -> Read:
    """The document with these fields; raises InvalidInput."""
    try:
        return model.model_validate(given)
    except ValidationError as cause:
        problem = cause.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in problem["loc"])[:200] or "the request"
        message = problem["msg"][:300].rstrip(".")
        raise InvalidInput(f"{place}: {message}.", SEE_DOCUMENT) from cause

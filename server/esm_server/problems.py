"""The one place that turns an error into an answer: RFC 9457 problem details plus `code`."""

import logging
from http import HTTPStatus
from typing import Any, cast

from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    InternalServerException,
    MethodNotAllowedException,
    NotFoundException,
    TooManyRequestsException,
    ValidationException,
)
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy.exc import DataError, IntegrityError

from esm_client.core.errors import (
    Conflict,
    EsmError,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    ServerFault,
    TooLarge,
    TruncatedUpload,
)
from esm_client.core.schemas import Problem
from esm_server.documents import SEE_DOCUMENT
from esm_server.responses import ContractResponse
from esm_server.telemetry.request_ids import request_id

PROBLEM_JSON = "application/problem+json"
_LOG = logging.getLogger("esm_server")


def problem_response(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer any exception; what we do not know is logged and shown as a server fault."""
    known = as_esm_error(error, request.scope["path"])
    if known is None or known.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _LOG.error("request %s failed", request_id.get(), exc_info=error)
    elif known.status > HTTPStatus.INTERNAL_SERVER_ERROR:  # an outage: no fault of the program
        _LOG.error("request %s failed: %s (%s)", request_id.get(), known.message, _reason(error))
    if known is None:
        known = ServerFault(
            "The server failed in a way it did not expect.",
            f"Give its operator the request id {request_id.get()}; the log has the details.",
        )
    problem = Problem.of(known, request_id.get())
    headers = {"WWW-Authenticate": "Bearer"} if known.status == HTTPStatus.UNAUTHORIZED else {}
    headers |= getattr(known, "headers", {})
    if isinstance(error, HTTPException) and error.headers:
        headers |= {key: value for key, value in error.headers.items() if key.lower() == "allow"}
    return ContractResponse(
        problem, media_type=PROBLEM_JSON, status_code=known.status, headers=headers
    )


def _reason(error: Exception) -> str:
    """What lies behind an outage, in a line."""
    cause = error.__cause__ or error
    cause = getattr(cause, "orig", None) or cause
    return f"{type(cause).__name__}: {next(iter(str(cause).splitlines()), '')[:300]}"


def as_esm_error(error: Exception, path: str) -> EsmError | None:
    """Our error for an exception of ours, of Litestar or of the database; None if unknown."""
    match error:
        case EsmError():
            return error
        case IntegrityError():
            return Conflict("Another request changed the same thing at this moment.", "Try again.")
        case DataError():
            return InvalidInput(
                "The database cannot store a text this long or a number this large.",
                SEE_DOCUMENT,
            )
        case RecursionError():
            return InvalidInput("The JSON is nested too deeply.", SEE_DOCUMENT)
        case HTTPException():
            return _from_litestar(error, path)
        case _:
            return None


def _from_litestar(error: HTTPException, path: str) -> EsmError | None:
    match error:
        case InternalServerException(detail="client disconnected prematurely"):
            return TruncatedUpload("The connection broke during the upload.", "Send it again.")
        case NotFoundException():
            return NotFound(f"There is nothing at {path[:200]!r}.", SEE_DOCUMENT)
        case MethodNotAllowedException():
            return MethodNotAllowed(f"{path[:200]!r} does not answer this method.", SEE_DOCUMENT)
        case TooManyRequestsException():
            return RateLimited("Too many requests.", "Wait a moment.")
        case HTTPException(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return TooLarge("The request's body is larger than the server allows.", "Send less.")
        case ValidationException():
            return InvalidInput(_first_complaint(error), SEE_DOCUMENT)
        case ClientException():
            return InvalidInput(f"The request is not valid: {error.detail[:300]}.", SEE_DOCUMENT)
        case _:
            return None


def _first_complaint(error: ValidationException) -> str:
    """The field and the reason of the first thing that was wrong, without Litestar's wording."""
    if isinstance(error.extra, list) and error.extra:
        first = cast("dict[str, Any]", error.extra[0])
        message = str(first.get("message", "is not valid"))
        place = str(first.get("key") or "the request")[:200]
        return f"{place}: {message[:300].rstrip('.')}."
    return f"The request is not valid: {error.detail[:300]}."


_DESCRIPTIONS = {
    400: "The request cannot be used",
    401: "No token, or one the server does not know",
    403: "The token lacks the right",
    404: "No such thing",
    408: "The body came too slowly",
    409: "It contradicts what is stored",
    413: "More than a limit allows",
    416: "A byte range outside the file",
    422: "The server's policy refuses the push",
    429: "Too many at once, of this user or from this address",
    500: "The server failed",
    503: "The server cannot work just now",
    507: "No room on the server's disk",
}
_EVERYWHERE = (400, 408, 413, 429, 500, 503)
_WITH_TOKEN = (401, 403)


def problems(*statuses: int, token: bool = True) -> dict[int, ResponseSpec]:
    """The OpenAPI declarations of a handler's errors: these, and what can always happen."""
    every = sorted({*statuses, *_EVERYWHERE, *(_WITH_TOKEN if token else ())})
    return {
        status: ResponseSpec(
            Problem,
            description=_DESCRIPTIONS[status],
            media_type=PROBLEM_JSON,  # pyright: ignore[reportArgumentType]
            generate_examples=False,
        )
        for status in every
    }


def head_problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The same for a HEAD handler, whose answers have no body."""
    return {
        status: ResponseSpec(None, description=spec.description)
        for status, spec in problems(*statuses).items()
    }

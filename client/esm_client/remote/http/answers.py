"""Reading what a server answered: our JSON, our problem document, or something foreign."""

from pydantic import ValidationError

from esm_client.core.document import Model, read_any_version
from esm_client.core.errors import EsmError, NotOurServer, Unavailable
from esm_client.core.schemas import Problem

_GATEWAY = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


def parse_answer(model: type[Model], body: bytes, url: str) -> Model:
    """Read a successful answer; raises NotOurServer unless it is what the contract says.

    Fields of a later server version are ignored.
    """
    try:
        return read_any_version(model, body)
    except ValidationError as cause:
        problem = cause.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in problem["loc"])[:200] or "the answer"
        raise not_our_server(url, f"{place}: {problem['msg'].lower()}") from cause


def error_of(status: int, content_type: str, body: bytes, url: str) -> EsmError:
    """The error an unsuccessful answer stands for; its class comes from the problem's code."""
    try:
        problem = Problem.model_validate_json(body)
    except ValidationError:
        if status in _GATEWAY:
            return Unavailable(
                f"A proxy in front of {url} answered {status} {_GATEWAY[status]}.",
                "The registry behind it does not run or is not reached; tell its operator.",
            )
        return not_our_server(url, f"status {status} with {content_type or 'no content type'}")
    return problem.error()


def not_our_server(url: str, saw: str) -> NotOurServer:
    """Another server answered at `url`; `saw` says what is foreign about it."""
    return NotOurServer(
        f"{url} answered, but not as an ESM registry ({saw}).",
        "Check the address and the port (`base_url` or ESM_REGISTRY_URL).",
    )

"""What all documents of the wire share."""

from http import HTTPStatus
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import ConfigDict, Field

from esm_client.core.document import Document
from esm_client.core.errors import EsmError, error_class
from esm_client.core.references import ALIAS_PATTERN, DIGEST_PATTERN, NAME_PATTERN

Kind = Literal["classification", "regression"]
"""Of a target: what can be ranked for."""
SourceKind = Literal["classification", "regression", "question-answering", "sequence-labelling"]
"""Of a source: what an ESM can be trained on (Vu et al. 2020, section 2)."""
Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
AliasName = Annotated[str, Field(pattern=f"^{ALIAS_PATTERN}$")]
Digest = Annotated[str, Field(pattern=f"^{DIGEST_PATTERN}$")]
Text = Annotated[str, Field(max_length=1000)]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Item = TypeVar("Item")
MAX_TOLD = 4000
"""Characters of an error's message, and of its hint, that travel. Each cuts what it shows of the
input; this is for the one that forgot to."""


class Contract(Document):
    """Base of all requests and answers; a request with an unknown field is refused."""


class Problem(Contract):
    """Every error, as RFC 9457 problem details plus `code` and `hint`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    request_id: str | None = None

    @staticmethod
    def of(error: EsmError, request_id: str | None = None) -> "Problem":
        """An error as it travels."""
        return Problem(
            title=HTTPStatus(error.status).phrase,
            status=error.status,
            detail=_cut(error.message),
            code=error.code,
            hint=_cut(error.hint),
            request_id=request_id,
        )

    def error(self) -> EsmError:
        """The error it stands for."""
        error = error_class(self.code)(self.detail, self.hint)
        error.request_id = self.request_id
        return error


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TOLD else f"{text[:MAX_TOLD]}..."


class Page(Contract, Generic[Item]):
    """One page of a list; `next` is the `after` of the following page, if there is one."""

    items: list[Item]
    next: str | None = None

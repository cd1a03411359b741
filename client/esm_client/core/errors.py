"""Every error of the product, for both sides of the wire.

    EsmError                       something went wrong that has a name
    ├── InvalidInput               the caller's input cannot be used (also a ValueError)
    │   ├── InvalidName            a name or reference that is not well formed
    │   ├── InvalidLabels          NaN labels, one class only, constant labels
    │   ├── InvalidEmbeddings      embeddings with NaN, infinity or a wrong shape
    │   ├── InvalidSketch          bytes that are not a target sketch
    │   ├── InvalidDataset         a data file or column that cannot be used
    │   ├── InvalidArtifact        an ESM directory that breaks the format
    │   │   └── UnsafeFile         pickle and its kin: never read, never stored
    │   ├── UnsafeModel            a base model that wants to run its own code
    │   ├── NeedsEmbeddings        a map that no sketch can be scored with
    │   ├── DimensionMismatch      numbers of another embedding width
    │   ├── DigestMismatch         bytes that are not what their digest says
    │   └── TruncatedUpload        fewer bytes arrived than were announced
    │       └── TooSlow            and it took so long that the server stopped waiting
    ├── SpaceMismatch              embeddings of another embedding space
    ├── NotFound                   no such ESM, version, space, ranking, blob, page
    ├── MethodNotAllowed           a path that exists, asked with the wrong verb
    ├── Conflict                   the request contradicts what is stored
    ├── Unauthorized               no token, or one the server does not know
    ├── Forbidden                  a token without the right
    ├── Yanked                     a version that was taken out of the way
    ├── NotAdmitted                a push that the server's policy refuses
    ├── TooLarge                   more than a limit allows
    │   └── QuotaExceeded          more than a namespace may hold
    ├── RangeNotSatisfiable        a byte range outside the file
    ├── Cancelled                  a ranking that was called off before its end
    ├── RateLimited                too many requests, come back later
    ├── StorageFull                no room on a disk, here or on the server
    ├── Unavailable                the server cannot work just now
    ├── ServerFault                the server failed in a way it did not expect
    ├── ConnectionFailed           no answer from that address
    ├── NotOurServer               an answer, but not from an ESM registry
    ├── OfflineMiss                offline, and the cache does not hold it
    └── MissingExtra               an optional dependency is not installed

Each class has a stable `code`, which travels in the problem document and picks
the class again on the client, and the HTTP `status` the server answers with.

Messages and hints are for Python: they name arguments and functions in backquotes, as in
"Pass `label_column`." or "List them: `Client.tokens.list()`.", and never an option or a command.
The command line puts its own words in their place (cli/errors.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import ClassVar, Self


class EsmError(Exception):
    """Base of all errors.

    Args:
        message: what was wrong, a sentence.
        hint: what to do next, a sentence or nothing.
        parameters: names of the Python arguments that mend it, as ("text_columns",).
        facts: names and values that the message speaks of, for programs: space="team/space".

    All are attributes; parameters and facts stay in the process, the wire carries code, message
    and hint. `request_id` is the server's name for the request that failed, if it was one.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    request_id: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    """What the server's answer carries beside the problem."""

    def __init__(
        self, message: str, hint: str = "", *, parameters: Sequence[str] = (), **facts: object
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.parameters = tuple(parameters)
        self.facts: dict[str, object] = facts

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def replaced(self, *, message: str | None = None, hint: str | None = None) -> Self:
        """The same error in other words, with its class, parameters, facts and request id."""
        other = copy(self)
        other.message = self.message if message is None else message
        other.hint = self.hint if hint is None else hint
        other.args = (other.message,)
        return other


class InvalidInput(EsmError, ValueError):
    code = "invalid-input"
    status = 400


class InvalidName(InvalidInput):
    code = "invalid-name"


class InvalidLabels(InvalidInput):
    code = "invalid-labels"


class InvalidEmbeddings(InvalidInput):
    code = "invalid-embeddings"


class InvalidSketch(InvalidInput):
    code = "invalid-sketch"


class InvalidDataset(InvalidInput):
    code = "invalid-dataset"


class InvalidArtifact(InvalidInput):
    code = "invalid-artifact"


class UnsafeFile(InvalidArtifact):
    code = "unsafe-file"


class UnsafeModel(InvalidInput):
    code = "unsafe-model"


class NeedsEmbeddings(InvalidInput):
    code = "needs-embeddings"


class DimensionMismatch(InvalidInput):
    code = "dimension-mismatch"


class DigestMismatch(InvalidInput):
    code = "digest-mismatch"


class TruncatedUpload(InvalidInput):
    code = "truncated-upload"


class TooSlow(TruncatedUpload):
    code = "too-slow"
    status = 408


class SpaceMismatch(EsmError):
    code = "space-mismatch"
    status = 409


class NotFound(EsmError, LookupError):
    code = "not-found"
    status = 404


class MethodNotAllowed(EsmError):
    code = "method-not-allowed"
    status = 405


class Conflict(EsmError):
    code = "conflict"
    status = 409


class Unauthorized(EsmError):
    code = "unauthorized"
    status = 401


class Forbidden(EsmError):
    code = "forbidden"
    status = 403


class Yanked(EsmError):
    code = "yanked"
    status = 409


class NotAdmitted(EsmError):
    code = "not-admitted"
    status = 422


class TooLarge(EsmError):
    code = "too-large"
    status = 413


class QuotaExceeded(TooLarge):
    code = "quota-exceeded"


class RangeNotSatisfiable(EsmError):
    code = "range-not-satisfiable"
    status = 416


class Cancelled(EsmError):
    code = "cancelled"
    status = 409


class RateLimited(EsmError):
    code = "rate-limited"
    status = 429


class StorageFull(EsmError):
    code = "storage-full"
    status = 507


class Unavailable(EsmError):
    code = "unavailable"
    status = 503


class ServerFault(EsmError):
    code = "server-fault"
    status = 500


class ConnectionFailed(EsmError):
    code = "connection-failed"


class NotOurServer(EsmError):
    code = "not-our-server"


class OfflineMiss(EsmError):
    code = "offline-miss"


class MissingExtra(EsmError, ImportError):
    code = "missing-extra"


def _tree(cls: type[EsmError]) -> Iterator[type[EsmError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _tree(child)


def error_class(code: str) -> type[EsmError]:
    """The class a `code` stands for; EsmError for a code of a later version."""
    return next((cls for cls in _tree(EsmError) if cls.code == code), EsmError)

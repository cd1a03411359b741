"""Names and references: `namespace/name`, `...@3`, `...@sha256:<64 hex digits>`."""

import re
from dataclasses import dataclass

from esm_client.core.errors import InvalidName

NAME_PATTERN = r"[a-z0-9_-][a-z0-9._-]{0,95}"
DIGEST_PATTERN = r"sha256:[0-9a-f]{64}"
SELECTOR_PATTERN = rf"latest|[1-9][0-9]{{0,8}}|{DIGEST_PATTERN}"

_NAME = re.compile(NAME_PATTERN)
_DIGEST = re.compile(DIGEST_PATTERN)
_SELECTOR = re.compile(SELECTOR_PATTERN)


def check_name(name: str, what: str = "name") -> str:
    """Return `name`, or raise InvalidName when it is not a legal name."""
    if not _NAME.fullmatch(name):
        raise InvalidName(
            f"{name[:100]!r} is not a legal {what}.",
            "Use 1 to 96 characters of a-z 0-9 . _ - that do not start with a dot.",
        )
    return name


def check_digest(digest: str) -> str:
    """Return `digest`, or raise InvalidName when it is not `sha256:` and 64 hex digits."""
    if not _DIGEST.fullmatch(digest):
        raise InvalidName(
            f"{digest[:100]!r} is not a digest.", "Write sha256: and 64 lower-case hex digits."
        )
    return digest


@dataclass(frozen=True, slots=True)
class Reference:
    """One ESM, or one of its versions; `selector` is `latest`, a number or a digest."""

    namespace: str
    name: str
    selector: str = "latest"

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Parse `namespace/name[@selector]`; raises InvalidName."""
        path, _, selector = text.partition("@")
        namespace, slash, name = path.partition("/")
        if not slash:
            raise InvalidName(
                f"{text[:100]!r} is not a reference.",
                "Write namespace/name, for instance my-team/hotel-reviews or my-team/x@2.",
            )
        check_name(namespace, "namespace")
        check_name(name)
        return cls(namespace, name, check_selector(selector) if "@" in text else "latest")

    @property
    def path(self) -> str:
        """`namespace/name` without the selector."""
        return f"{self.namespace}/{self.name}"

    @property
    def is_pinned(self) -> bool:
        """Whether the selector is a digest, which can never mean another version."""
        return _DIGEST.fullmatch(self.selector) is not None

    def __str__(self) -> str:
        return self.path if self.selector == "latest" else f"{self.path}@{self.selector}"


def check_selector(selector: str) -> str:
    """Return `selector`, or raise InvalidName when it names no version."""
    if not _SELECTOR.fullmatch(selector):
        raise InvalidName(
            f"{selector[:100]!r} does not name a version.",
            "Write a version number, latest, or sha256: and 64 hex digits.",
        )
    return selector

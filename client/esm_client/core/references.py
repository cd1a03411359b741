"""Names and references: `namespace/name`, `...@3`, `...@alias`, `...@sha256:<64 hex digits>`."""

import re
import unicodedata
from dataclasses import dataclass

from esm_client.core.errors import InvalidName

NAME_PATTERN = r"[a-z0-9_-][a-z0-9._-]{0,95}"
ALIAS_PATTERN = r"[a-z_][a-z0-9._-]{0,49}"
DIGEST_PATTERN = r"sha256:[0-9a-f]{64}"
SELECTOR_PATTERN = rf"[1-9][0-9]{{0,8}}|{ALIAS_PATTERN}|{DIGEST_PATTERN}"

LATEST = "latest"
RESERVED_ALIASES = {LATEST, "sha256", "head", "none", "all", "live", "yanked"}
RESERVED_NAMESPACES = {
    "admin", "all", "anonymous", "api", "any", "everyone", "facets", "latest", "me", "none",
    "null", "public", "root", "system", "v1",
}  # fmt: skip

ROBOTS = "robot."
"""What the user names of namespaces' robots begin with, and no other user's."""

_NAME = re.compile(NAME_PATTERN)
_ALIAS = re.compile(ALIAS_PATTERN)
_DIGEST = re.compile(DIGEST_PATTERN)
_SELECTOR = re.compile(SELECTOR_PATTERN)
_LEGAL = re.compile(r"[a-z0-9._-]")


def check_name(name: str, what: str = "name") -> str:
    """Return `name`, or raise InvalidName when it is not a legal name."""
    if not _NAME.fullmatch(name):
        raise InvalidName(
            f"{name[:100]!r} is not a legal {what}{_culprit(name)}.",
            "Use 1 to 96 characters of a-z 0-9 . _ - that do not start with a dot.",
        )
    return name


def check_new_namespace(name: str) -> str:
    """Return `name`, or raise InvalidName when no namespace may be called so."""
    if check_name(name, "namespace") in RESERVED_NAMESPACES:
        raise InvalidName(f"{name!r} is a reserved word.", "Choose another namespace.")
    return name


def robot_name(namespace: str, name: str) -> str:
    """The user name of a namespace's robot, `robot.NAMESPACE.NAME`; raises InvalidName.

    The name itself holds no dot, so a user name is of one namespace, whatever dots that has. The
    whole user name may be given too.
    """
    own = check_name(name.removeprefix(f"{ROBOTS}{namespace}."), "name of a robot")
    if "." in own:
        raise InvalidName(
            f"{own!r} holds a dot, which no name of a robot does.", "Write it with - instead."
        )
    return check_name(f"{ROBOTS}{namespace}.{own}", "user name")


def check_new_user(name: str) -> str:
    """Return `name`, or raise InvalidName when it is one that only a namespace's robot may have."""
    if check_name(name, "user name").startswith(ROBOTS):
        raise InvalidName(
            f"{name!r} begins like the names of namespaces' robots.", "Choose another `user`."
        )
    return name


def check_alias(alias: str) -> str:
    """Return `alias`, or raise InvalidName when it is not legal or is reserved."""
    if not _ALIAS.fullmatch(alias):
        raise InvalidName(
            f"{alias[:100]!r} is not a legal alias{_culprit(alias)}.",
            "Use 1 to 50 characters of a-z 0-9 . _ - that begin with a letter or _.",
        )
    if alias in RESERVED_ALIASES:
        raise InvalidName(f"{alias!r} is a reserved word.", "Choose another alias.")
    return alias


def check_digest(digest: str) -> str:
    """Return `digest`, or raise InvalidName when it is not `sha256:` and 64 hex digits."""
    if not _DIGEST.fullmatch(digest):
        raise InvalidName(
            f"{digest[:100]!r} is not a digest.", "Write sha256: and 64 lower-case hex digits."
        )
    return digest


@dataclass(frozen=True, slots=True)
class Reference:
    """One ESM, or one version: `selector` is `latest`, a number, an alias or a digest."""

    namespace: str
    name: str
    selector: str = LATEST

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
        return cls(namespace, name, check_selector(selector) if "@" in text else LATEST)

    @property
    def path(self) -> str:
        """`namespace/name` without the selector."""
        return f"{self.namespace}/{self.name}"

    @property
    def is_pinned(self) -> bool:
        """Whether the selector is a digest, which can never mean another version."""
        return _DIGEST.fullmatch(self.selector) is not None

    def __str__(self) -> str:
        return self.path if self.selector == LATEST else f"{self.path}@{self.selector}"


def check_selector(selector: str) -> str:
    """Return `selector`, or raise InvalidName when it names no version."""
    if not _SELECTOR.fullmatch(selector):
        raise InvalidName(
            f"{selector[:100]!r} does not name a version.",
            "Write a version number, latest, an alias, or sha256: and 64 hex digits.",
        )
    return selector


def _culprit(name: str) -> str:
    """Which character is wrong: a look-alike of another alphabet is hard to see."""
    if name.startswith("."):
        return ": it starts with a dot"
    bad = next((character for character in name if not _LEGAL.fullmatch(character)), None)
    if bad is None:
        return f": it has {len(name)} characters" if name else ": it is empty"
    called = unicodedata.name(bad, f"U+{ord(bad):04X}").lower()
    return f": it holds {bad!r} ({called})"

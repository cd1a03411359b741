"""Documents from outside: what is looked at before pydantic reads their items one by one.

Pydantic makes an error, with its place, for every wrong item and every unknown key: some hundred
bytes and microseconds for each few bytes of the document. So what is too long is refused by its
length, a list ends at its first wrong item, and of unknown keys one is named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from annotated_types import GroupedMetadata, MaxLen, MinLen
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticKnownError

Model = TypeVar("Model", bound=BaseModel)
_LEFT_OUT = {"unknown keys": "left out"}


@dataclass(frozen=True, slots=True)
class Items(GroupedMetadata):
    """Of a list or tuple: how many items it holds; it is read up to the first wrong one."""

    most: int
    least: int = 0

    def __iter__(self) -> Iterator[Any]:
        yield from _length(self.least, self.most)
        yield FailFast()
        yield _counted(self.most)


@dataclass(frozen=True, slots=True)
class Entries(GroupedMetadata):
    """Of an object with any keys: how many it holds."""

    most: int
    least: int = 0

    def __iter__(self) -> Iterator[Any]:
        yield from _length(self.least, self.most)
        yield _counted(self.most)


class Document(BaseModel):
    """Base of what is read from outside; a document with an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, given: Any, info: ValidationInfo) -> Any:
        forbidden = cls.model_config.get("extra") == "forbid" and info.context is not _LEFT_OUT
        if not (forbidden and isinstance(given, dict)):
            return given
        known, keys = cls.model_fields, cast("dict[str, Any]", given)
        unknown = next((key for key in keys if key not in known), None)
        if unknown is None:
            return keys
        raise ValidationError.from_exception_data(
            cls.__name__,
            [{"type": "extra_forbidden", "loc": (str(unknown),), "input": keys[unknown]}],
        )


def read_any_version(model: type[Model], data: bytes) -> Model:
    """JSON that another version of the product wrote, without keys that this one does not know.

    Raises ValidationError.
    """
    return model.model_validate_json(data, extra="ignore", context=_LEFT_OUT)


def _length(least: int, most: int) -> Iterator[Any]:
    if least:
        yield MinLen(least)
    yield MaxLen(most)


def _counted(most: int) -> BeforeValidator:
    """Looks at the length before any item, which pydantic's own does not for an object."""

    def check(given: Any) -> Any:
        if isinstance(given, list | tuple | dict):
            length = len(cast("list[Any]", given))
            if length > most:
                kind = "Dictionary" if isinstance(given, dict) else "List"
                facts = {"field_type": kind, "max_length": most, "actual_length": length}
                raise PydanticKnownError("too_long", facts)
        return cast("Any", given)

    return BeforeValidator(check)

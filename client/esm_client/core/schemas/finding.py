"""Finding ESMs: what narrows a list, a search or a ranking."""

from typing import Annotated, Literal

from pydantic import Field

from esm_client.core.document import Items
from esm_client.core.schemas.contract import Contract, Name, SourceKind, Text

Sort = Literal["name", "newest", "relevance"]
Choices = Annotated[tuple[Text, ...], Items(50)]
"""Any of these; empty: all."""


class EsmFilter(Contract):
    """What an ESM must be; fields are joined by `and`, the choices of one field by `or`."""

    task: Choices = ()
    """Data sets."""
    kind: SourceKind | None = None
    language: Choices = ()
    domain: Choices = ()
    licence: Choices = ()
    architecture: Choices = ()
    namespace: Choices = ()
    owner: Choices = ()
    """Users who pushed the latest version."""
    tag: Choices = ()
    exclude: Annotated[tuple[Text, ...], Items(200)] = ()
    """Left out: `namespace/name`, a whole `namespace/*`, or a data set."""


CHOICES = tuple(name for name, field in EsmFilter.model_fields.items() if field.default == ())
"""Fields of a filter that hold several values."""


class FacetValue(Contract):
    """One value of a facet, and how many ESMs have it."""

    value: str
    count: int


class Facets(Contract):
    """How many ESMs match, and their most frequent values by field."""

    num_esms: int
    fields: dict[str, list[FacetValue]]


class EsmQuery(EsmFilter):
    """A search: a filter, free text over name, task, tags, description and card, and a space."""

    text: Annotated[str, Field(max_length=200)] | None = None
    space: Name | None = None
    yanked: bool = False
    """Only ESMs of which every version is yanked; else only those with a live one."""
    sort: Sort | None = None
    """None: by relevance where there is text, else by name."""

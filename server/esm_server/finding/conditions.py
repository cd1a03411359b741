"""From a filter to SQL: the same for lists, searches, facets and rankings."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, tuple_
from sqlmodel import col, select

from esm_client.core.schemas import EsmFilter
from esm_server.db import EsmRow, EsmTagRow

COLUMNS = {
    "task": col(EsmRow.data_set),
    "language": col(EsmRow.language),
    "domain": col(EsmRow.domain),
    "licence": col(EsmRow.licence),
    "architecture": col(EsmRow.architecture),
    "namespace": col(EsmRow.namespace),
    "owner": col(EsmRow.owner),
}


def conditions(wanted: EsmFilter) -> list[ColumnElement[bool]]:
    """What an ESM's row must fulfil to be what the filter wants."""
    found: list[ColumnElement[bool]] = []
    for field, column in COLUMNS.items():
        choices: Sequence[str] = getattr(wanted, field)
        if len(choices) == 1:
            found.append(column == choices[0])  # keeps the order of the column's index
        elif choices:
            found.append(column.in_(choices))
    if wanted.kind is not None:
        found.append(col(EsmRow.kind) == wanted.kind)
    if wanted.tag:
        tagged = select(EsmTagRow.esm_id).where(col(EsmTagRow.tag).in_(wanted.tag))
        found.append(col(EsmRow.id).in_(tagged))
    return [*found, *_exclusions(wanted.exclude)]


def _exclusions(exclude: Sequence[str]) -> list[ColumnElement[bool]]:
    """`namespace/*`, `namespace/name`, or a data set, which may hold a slash as well."""
    if not exclude:
        return []
    whole = [text.removesuffix("/*") for text in exclude if text.endswith("/*")]
    single = [tuple(text.split("/")) for text in exclude if text.count("/") == 1]
    found: list[ColumnElement[bool]] = [col(EsmRow.data_set).not_in(exclude)]
    if whole:
        found.append(col(EsmRow.namespace).not_in(whole))
    if single:
        found.append(tuple_(col(EsmRow.namespace), col(EsmRow.name)).not_in(single))
    return found

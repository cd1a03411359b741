"""Whether an ESM is what a filter wants: what the server's database answers, for one at hand."""

from collections.abc import Sequence

from esm_client.core.schemas import EsmFilter, EsmVersion


def matches(wanted: EsmFilter, esm: EsmVersion, tags: Sequence[str]) -> bool:
    """Whether the latest version of an ESM, with the ESM's tags, passes a filter."""
    facts = {
        "task": esm.task.data_set,
        "language": esm.task.language,
        "domain": esm.source.domain,
        "licence": esm.source.licence,
        "architecture": esm.architecture,
        "namespace": esm.namespace,
        "owner": esm.created_by,
    }
    excluded = {f"{esm.namespace}/*", f"{esm.namespace}/{esm.name}", esm.task.data_set}
    return (
        all(
            not getattr(wanted, field) or fact in getattr(wanted, field)
            for field, fact in facts.items()
        )
        and (wanted.kind is None or wanted.kind == esm.task.kind)
        and (not wanted.tag or not set(wanted.tag).isdisjoint(tags))
        and excluded.isdisjoint(wanted.exclude)
    )

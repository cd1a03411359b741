"""A space in a file: a pack (core.packs) with more in its documents.

pack.json               the space: ExportedSpace
blobs/sha256-<hex>      a file of one or several versions
esms/<number>.json      one version, in the order of their publishing: ExportedVersion
"""

from esm_client.core.schemas import EsmVersionDetail, SpaceDetail
from esm_client.core.schemas.contract import Contract
from esm_client.core.schemas.esms import Tags

FORMAT = 1
MAX_ENTRIES = 4_000_000
"""Files in an export: what one says before its end is not believed without a bound."""


class ExportedSpace(Contract):
    """What an export is of, and the namespaces in it that only members may read."""

    format: int = FORMAT
    space: SpaceDetail
    private_namespaces: tuple[str, ...] = ()


class ExportedVersion(Contract):
    """One version, and what its ESM says of itself."""

    version: EsmVersionDetail
    description: str = ""
    tags: Tags = ()
    superseded_by: str | None = None

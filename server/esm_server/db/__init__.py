"""The database: engine, transactions, and one table per file."""

from esm_server.db.esm import EsmRow
from esm_server.db.esm_version import EsmVersionRow
from esm_server.db.ranking import RankingRow
from esm_server.db.space import SpaceRow
from esm_server.db.space_digest import SpaceDigestRow
from esm_server.db.token import TokenRow
from esm_server.db.version_file import VersionFileRow

__all__ = [
    "EsmRow",
    "EsmVersionRow",
    "RankingRow",
    "SpaceDigestRow",
    "SpaceRow",
    "TokenRow",
    "VersionFileRow",
]

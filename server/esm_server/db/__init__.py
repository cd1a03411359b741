"""The database: engine, transactions, and one table, or table and its rows' parts, per file."""

from esm_server.db.alias import AliasMoveRow, AliasRow
from esm_server.db.audit_event import AuditEventRow
from esm_server.db.card_revision import CardRevisionRow
from esm_server.db.esm import EsmRow, EsmTagRow
from esm_server.db.esm_version import EsmVersionRow
from esm_server.db.map_signature import MapSignatureRow
from esm_server.db.namespace import MemberRow, NamespaceRow
from esm_server.db.outcome import OutcomeRow
from esm_server.db.ranking import RankingRow
from esm_server.db.ranking_job import RankingJobRow
from esm_server.db.source_model import SourceModelFileRow, SourceModelRow
from esm_server.db.source_sketch import SourceSketchRow
from esm_server.db.space import SpaceRow
from esm_server.db.space_digest import SpaceDigestRow
from esm_server.db.text_embedding import TextEmbeddingRow
from esm_server.db.token import TokenRow
from esm_server.db.upload import UploadRow
from esm_server.db.user import UserRow
from esm_server.db.version_file import VersionFileRow

__all__ = [
    "AliasMoveRow",
    "AliasRow",
    "AuditEventRow",
    "CardRevisionRow",
    "EsmRow",
    "EsmTagRow",
    "EsmVersionRow",
    "MapSignatureRow",
    "MemberRow",
    "NamespaceRow",
    "OutcomeRow",
    "RankingJobRow",
    "RankingRow",
    "SourceModelFileRow",
    "SourceModelRow",
    "SourceSketchRow",
    "SpaceDigestRow",
    "SpaceRow",
    "TextEmbeddingRow",
    "TokenRow",
    "UploadRow",
    "UserRow",
    "VersionFileRow",
]

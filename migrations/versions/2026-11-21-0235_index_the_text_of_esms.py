"""index the text of ESMs, and what lists filter by

Revision: a41c7d90e6b3
Revises: f8e31f1bedda
Created: 2026-11-21 02:35:00
"""

from alembic import op

revision = "a41c7d90e6b3"
down_revision = "f8e31f1bedda"
branch_labels = None
depends_on = None

FILTERED = (
    "space_id", "data_set", "kind", "language", "domain", "licence", "architecture", "owner",
)  # fmt: skip


def upgrade() -> None:
    for column in FILTERED:
        op.create_index(f"ix_esms_live_{column}", "esms", ["live", column, "namespace", "name"])
    op.create_index("ix_esms_live_namespace", "esms", ["live", "namespace", "name"])
    op.create_index("ix_esms_live_updated_at", "esms", ["live", "updated_at"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE esm_text USING fts5(name, task, tags, prose, "
            "tokenize=\"unicode61 remove_diacritics 2\", prefix='2 3')"
        )
        op.execute(
            "INSERT INTO esm_text (rowid, name, task, tags, prose) "
            "SELECT e.id, e.namespace || ' ' || e.name, e.data_set, '', v.card FROM esms e "
            "JOIN esm_versions v ON v.esm_id = e.id AND v.version = e.latest_number"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE esm_text")
    for column in (*FILTERED, "namespace", "updated_at"):
        op.drop_index(f"ix_esms_live_{column}", "esms")

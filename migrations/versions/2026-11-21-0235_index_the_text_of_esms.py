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
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


_LATEST = "FROM esms e JOIN esm_versions v ON v.esm_id = e.id AND v.version = e.latest_number"
_SQLITE = (
    """CREATE VIRTUAL TABLE esm_text USING fts5(name, task, tags, prose,
    tokenize="unicode61 remove_diacritics 2", prefix='2 3')""",
    f"""INSERT INTO esm_text (rowid, name, task, tags, prose)
    SELECT e.id, e.namespace || ' ' || e.name, e.data_set, '', v.card {_LATEST}""",
)


def _words(column: str, label: str) -> str:
    return (
        f"setweight(to_tsvector('simple', regexp_replace({column}, '[^[:alnum:]]+', ' ', 'g')), "
        f"'{label}')"
    )


_POSTGRESQL = (
    """CREATE TABLE esm_text (rowid INTEGER NOT NULL, words TSVECTOR NOT NULL,
    CONSTRAINT pk_esm_text PRIMARY KEY (rowid))""",
    "CREATE INDEX ix_esm_text_words ON esm_text USING gin (words)",
    f"""INSERT INTO esm_text (rowid, words)
    SELECT e.id, {_words("e.namespace", "A")} || {_words("e.name", "A")} ||
    {_words("e.data_set", "B")} || {_words("v.card", "D")} {_LATEST}""",
)


def downgrade() -> None:
    op.execute("DROP TABLE esm_text")
    for column in (*FILTERED, "namespace", "updated_at"):
        op.drop_index(f"ix_esms_live_{column}", "esms")

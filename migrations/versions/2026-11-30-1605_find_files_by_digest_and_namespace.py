"""find files by digest and namespace

Revision: 3f8a6c25d1e9
Revises: a95d3c08e7b4
Created: 2026-11-30 16:05:00
"""

from alembic import op

revision = "3f8a6c25d1e9"
down_revision = "a95d3c08e7b4"
branch_labels = None
depends_on = None

_FILES = ("version_files", "source_model_files")


def upgrade() -> None:
    for table in _FILES:
        op.create_index(f"ix_{table}_digest_namespace", table, ["digest", "namespace"])
        op.drop_index(f"ix_{table}_digest", table_name=table)


def downgrade() -> None:
    for table in _FILES:
        op.create_index(f"ix_{table}_digest", table, ["digest"])
        op.drop_index(f"ix_{table}_digest_namespace", table_name=table)

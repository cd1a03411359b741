"""order the newest ESMs by key too

Many of one moment, as packs bring them, are then in order within the index.

Revision: 5d1c7e0a94b2
Revises: 9e2f60c4b7d1
Created: 2026-11-26 13:50:00
"""

from alembic import op

revision = "5d1c7e0a94b2"
down_revision = "9e2f60c4b7d1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index("live", "updated_at", "id")


def downgrade() -> None:
    _index("live", "updated_at")


def _index(*columns: str) -> None:
    op.drop_index("ix_esms_live_updated_at", table_name="esms")
    op.create_index("ix_esms_live_updated_at", "esms", list(columns))

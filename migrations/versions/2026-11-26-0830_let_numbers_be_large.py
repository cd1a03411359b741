"""let numbers be as large as the contract allows

Revision: 9e2f60c4b7d1
Revises: 61e0b7d3a95c
Created: 2026-11-26 08:30:00
"""

import sqlalchemy as sa
from alembic import op

revision = "9e2f60c4b7d1"
down_revision = "61e0b7d3a95c"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _retype(sa.Integer(), sa.BigInteger())


def downgrade() -> None:
    """Numbers that no longer fit become the largest that does."""
    largest = 2**31 - 1
    for name, changed, _ in _COLUMNS:
        number = sa.column(changed)
        rows = sa.table(name, number)
        op.execute(rows.update().where(number > largest).values({changed: largest}))
    _retype(sa.BigInteger(), sa.Integer())


_COLUMNS = (
    ("namespaces", "quota_versions", True),
    ("source_sketches", "num_rows", False),
    ("source_sketches", "num_texts", False),
)


def _retype(before: sa.types.TypeEngine, after: sa.types.TypeEngine) -> None:
    for table, column, nullable in _COLUMNS:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(
                column, existing_type=before, type_=after, existing_nullable=nullable
            )

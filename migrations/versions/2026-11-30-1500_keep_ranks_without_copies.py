"""keep the ranks that sources have without copies of the target

Revision: c41f7a2d9e06
Revises: b7e41d0c92f5
Created: 2026-11-30 15:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "c41f7a2d9e06"
down_revision = "b7e41d0c92f5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shielded_rank", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        batch_op.drop_column("shielded_rank")

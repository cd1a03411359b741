"""know which token another one was made with

Revision: a95d3c08e7b4
Revises: c41f7a2d9e06
Created: 2026-11-30 16:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "a95d3c08e7b4"
down_revision = "c41f7a2d9e06"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.add_column(sa.Column("made_with", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_tokens_made_with"), ["made_with"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tokens_made_with"))
        batch_op.drop_column("made_with")

"""keep rankings on their way

Revision: 5b1c7e90a2d4
Revises: a41c7d90e6b3
Created: 2026-11-21 08:15:00
"""

import sqlalchemy as sa
from alembic import op

revision = "5b1c7e90a2d4"
down_revision = "a41c7d90e6b3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ranking_jobs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("sketch", sa.LargeBinary(), nullable=True),
        sa.Column("problem", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_id"], ["tokens.id"], name=op.f("fk_ranking_jobs_token_id_tokens")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ranking_jobs")),
    )
    with op.batch_alter_table("ranking_jobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ranking_jobs_token_id"), ["token_id"], unique=False)


def downgrade() -> None:
    op.drop_table("ranking_jobs")

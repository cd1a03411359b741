"""keep outcomes of rankings

Revision: 61e0b7d3a95c
Revises: c27d94e0b8f1
Created: 2026-11-26 05:10:00
"""

import sqlalchemy as sa
from alembic import op

revision = "61e0b7d3a95c"
down_revision = "c27d94e0b8f1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outcomes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ranking_id", sa.String(length=32), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(length=50), nullable=False),
        sa.Column("reference", sa.String(length=300), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("metric_name", sa.String(length=50), nullable=False),
        sa.Column("metric", sa.Float(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("method_ranks", sa.JSON(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_by", sa.String(length=96), nullable=False),
        sa.ForeignKeyConstraint(
            ["ranking_id"], ["rankings.id"], name=op.f("fk_outcomes_ranking_id_rankings")
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_outcomes_space_id_spaces")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcomes")),
        sa.UniqueConstraint(
            "ranking_id",
            "reference",
            "metric_name",
            "seed",
            name=op.f("uq_outcomes_ranking_id_reference_metric_name_seed"),
        ),
    )
    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outcomes_space_id"), ["space_id"], unique=False)


def downgrade() -> None:
    op.drop_table("outcomes")

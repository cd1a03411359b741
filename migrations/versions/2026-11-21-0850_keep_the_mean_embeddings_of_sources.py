"""keep the mean embeddings of sources

Revision: 8f0a3d5e17c6
Revises: 5b1c7e90a2d4
Created: 2026-11-21 08:50:00
"""

import sqlalchemy as sa
from alembic import op

revision = "8f0a3d5e17c6"
down_revision = "5b1c7e90a2d4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "text_embeddings",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_text_embeddings_space_id_spaces")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["esm_versions.id"],
            name=op.f("fk_text_embeddings_version_id_esm_versions"),
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_text_embeddings")),
    )
    with op.batch_alter_table("text_embeddings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_text_embeddings_space_id"), ["space_id"], unique=False)


def downgrade() -> None:
    op.drop_table("text_embeddings")

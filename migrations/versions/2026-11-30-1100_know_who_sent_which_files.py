"""know who sent which files where, and whose the files of versions are

Revision: b7e41d0c92f5
Revises: 7b41d0f6c3ea
Created: 2026-11-30 11:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "b7e41d0c92f5"
down_revision = "7b41d0f6c3ea"
branch_labels = None
depends_on = None

_FILES = ("version_files", "source_model_files")
_ESMS = sa.table("esms", sa.column("id"), sa.column("namespace"))
_VERSIONS = sa.table("esm_versions", sa.column("id"), sa.column("esm_id"))


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("namespace", sa.String(length=96), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_uploads_user_id_users")),
        sa.PrimaryKeyConstraint("digest", "namespace", "user_id", name=op.f("pk_uploads")),
    )
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_uploads_ended_at"), ["ended_at"], unique=False)
    for table in _FILES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("namespace", sa.String(length=96), nullable=True))
        files = sa.table(table, sa.column("version_id"), sa.column("namespace"))
        own = (
            sa.select(_ESMS.c.namespace)
            .select_from(_ESMS.join(_VERSIONS, _VERSIONS.c.esm_id == _ESMS.c.id))
            .where(_VERSIONS.c.id == files.c.version_id)
            .scalar_subquery()
        )
        op.execute(files.update().values(namespace=sa.func.coalesce(own, "")))
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column("namespace", existing_type=sa.String(length=96), nullable=False)


def downgrade() -> None:
    for table in _FILES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("namespace")
    op.drop_table("uploads")

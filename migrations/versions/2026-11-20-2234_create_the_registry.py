"""create the registry

Revision: 8fd1d20550ef
Revises:
Created: 2026-11-20 22:34:06.700925
"""

import sqlalchemy as sa
from alembic import op

revision = "8fd1d20550ef"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "spaces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("base_model", sa.String(length=300), nullable=False),
        sa.Column("revision", sa.String(length=100), nullable=True),
        sa.Column("pooling", sa.String(length=20), nullable=False),
        sa.Column("max_length", sa.Integer(), nullable=False),
        sa.Column("separator", sa.String(length=20), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("canaries", sa.JSON(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spaces")),
        sa.UniqueConstraint("name", name=op.f("uq_spaces_name")),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("name", name=op.f("uq_tokens_name")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_tokens_secret_sha256")),
    )
    op.create_table(
        "esms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.String(length=96), nullable=False),
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("num_versions", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["space_id"], ["spaces.id"], name=op.f("fk_esms_space_id_spaces")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_esms")),
        sa.UniqueConstraint("namespace", "name", name=op.f("uq_esms_namespace_name")),
    )
    with op.batch_alter_table("esms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_esms_space_id"), ["space_id"], unique=False)

    op.create_table(
        "rankings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("receipt", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_rankings_space_id_spaces")
        ),
        sa.ForeignKeyConstraint(
            ["token_id"], ["tokens.id"], name=op.f("fk_rankings_token_id_tokens")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rankings")),
    )
    with op.batch_alter_table("rankings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rankings_space_id"), ["space_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rankings_token_id"), ["token_id"], unique=False)

    op.create_table(
        "space_digests",
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_space_digests_space_id_spaces")
        ),
        sa.PrimaryKeyConstraint("space_id", "kind", "digest", name=op.f("pk_space_digests")),
    )
    op.create_table(
        "esm_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("esm_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("architecture", sa.String(length=20), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("task", sa.JSON(), nullable=False),
        sa.Column("fit", sa.JSON(), nullable=True),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["esm_id"], ["esms.id"], name=op.f("fk_esm_versions_esm_id_esms")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_esm_versions")),
        sa.UniqueConstraint("esm_id", "digest", name=op.f("uq_esm_versions_esm_id_digest")),
        sa.UniqueConstraint("esm_id", "version", name=op.f("uq_esm_versions_esm_id_version")),
    )
    with op.batch_alter_table("esm_versions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_esm_versions_digest"), ["digest"], unique=False)

    op.create_table(
        "version_files",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["esm_versions.id"],
            name=op.f("fk_version_files_version_id_esm_versions"),
        ),
        sa.PrimaryKeyConstraint("version_id", "name", name=op.f("pk_version_files")),
    )
    with op.batch_alter_table("version_files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_version_files_digest"), ["digest"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("version_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_version_files_digest"))

    op.drop_table("version_files")
    with op.batch_alter_table("esm_versions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_esm_versions_digest"))

    op.drop_table("esm_versions")
    op.drop_table("space_digests")
    with op.batch_alter_table("rankings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rankings_token_id"))
        batch_op.drop_index(batch_op.f("ix_rankings_space_id"))

    op.drop_table("rankings")
    with op.batch_alter_table("esms", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_esms_space_id"))

    op.drop_table("esms")
    op.drop_table("tokens")
    op.drop_table("spaces")

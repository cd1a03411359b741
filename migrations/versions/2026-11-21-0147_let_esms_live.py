"""let ESMs live: aliases, yanks, tags, card history, source models, sketches

Revision: f8e31f1bedda
Revises: 3d5a0c41b7e2
Created: 2026-11-21 01:47:12
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "f8e31f1bedda"
down_revision = "3d5a0c41b7e2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alias_moves",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("esm_id", sa.Integer(), nullable=False),
        sa.Column("alias", sa.String(length=50), nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=True),
        sa.Column("to_version", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=96), nullable=False),
        sa.ForeignKeyConstraint(["esm_id"], ["esms.id"], name=op.f("fk_alias_moves_esm_id_esms")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alias_moves")),
    )
    with op.batch_alter_table("alias_moves", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alias_moves_esm_id"), ["esm_id"], unique=False)

    op.create_table(
        "esm_tags",
        sa.Column("esm_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(length=50), nullable=False),
        sa.ForeignKeyConstraint(["esm_id"], ["esms.id"], name=op.f("fk_esm_tags_esm_id_esms")),
        sa.PrimaryKeyConstraint("esm_id", "tag", name=op.f("pk_esm_tags")),
    )
    with op.batch_alter_table("esm_tags", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_esm_tags_tag"), ["tag"], unique=False)

    op.create_table(
        "aliases",
        sa.Column("esm_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_by", sa.String(length=96), nullable=False),
        sa.ForeignKeyConstraint(["esm_id"], ["esms.id"], name=op.f("fk_aliases_esm_id_esms")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["esm_versions.id"], name=op.f("fk_aliases_version_id_esm_versions")
        ),
        sa.PrimaryKeyConstraint("esm_id", "name", name=op.f("pk_aliases")),
    )
    with op.batch_alter_table("aliases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_aliases_version_id"), ["version_id"], unique=False)

    op.create_table(
        "card_revisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_by", sa.String(length=96), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["esm_versions.id"],
            name=op.f("fk_card_revisions_version_id_esm_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_revisions")),
    )
    with op.batch_alter_table("card_revisions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_card_revisions_version_id"), ["version_id"], unique=False
        )

    op.create_table(
        "map_signatures",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_map_signatures_space_id_spaces")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["esm_versions.id"],
            name=op.f("fk_map_signatures_version_id_esm_versions"),
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_map_signatures")),
    )
    with op.batch_alter_table("map_signatures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_map_signatures_space_id"), ["space_id"], unique=False)

    op.create_table(
        "source_models",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=96), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["esm_versions.id"],
            name=op.f("fk_source_models_version_id_esm_versions"),
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_source_models")),
    )
    op.create_table(
        "source_sketches",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Integer(), nullable=False),
        sa.Column("num_rows", sa.Integer(), nullable=False),
        sa.Column("num_texts", sa.Integer(), nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.Column("texts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["esm_versions.id"],
            name=op.f("fk_source_sketches_version_id_esm_versions"),
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_source_sketches")),
    )
    op.create_table(
        "source_model_files",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["source_models.version_id"],
            name=op.f("fk_source_model_files_version_id_source_models"),
        ),
        sa.PrimaryKeyConstraint("version_id", "name", name=op.f("pk_source_model_files")),
    )
    with op.batch_alter_table("source_model_files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_source_model_files_digest"), ["digest"], unique=False)

    with op.batch_alter_table("esm_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("size", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("source", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("findings", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("near_duplicate_of", sa.String(length=300), nullable=True))
        batch_op.add_column(sa.Column("yanked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("yanked_by", sa.String(length=96), nullable=True))
        batch_op.add_column(sa.Column("yank_reason", sa.String(length=1000), nullable=True))

    with op.batch_alter_table("esms", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("description", sa.String(length=1000), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("superseded_by", sa.String(length=200), nullable=True))
        batch_op.add_column(
            sa.Column("last_number", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(
            sa.Column("latest_number", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(
            sa.Column("live", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column("data_set", sa.String(length=1000), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("kind", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("language", sa.String(length=1000), nullable=True))
        batch_op.add_column(sa.Column("domain", sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column("licence", sa.String(length=200), nullable=True))
        batch_op.add_column(
            sa.Column("architecture", sa.String(length=20), nullable=False, server_default="")
        )
        batch_op.add_column(
            sa.Column("owner", sa.String(length=96), nullable=False, server_default="")
        )
        batch_op.add_column(
            sa.Column(
                "updated_at",
                sa.DateTime(timezone=True),
                nullable=False,
                server_default="2026-01-01 00:00:00",
            )
        )

    with op.batch_alter_table("spaces", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("location", sa.String(length=1000), nullable=False, server_default="")
        )
        batch_op.add_column(
            sa.Column("description", sa.String(length=1000), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("successor", sa.String(length=96), nullable=True))
    _fill()


def _fill() -> None:
    """Copy the facts of the latest versions to their ESMs."""
    run = op.get_bind().exec_driver_sql
    run(
        "UPDATE esm_versions SET size = (SELECT COALESCE(SUM(f.size), 0) FROM version_files f "
        "WHERE f.version_id = esm_versions.id)"
    )
    esms = sa.table("esms", *(sa.column(name) for name in _ESM_COLUMNS))
    rows = run(
        "SELECT e.id, e.num_versions, v.task, v.architecture, v.created_by, v.created_at "
        "FROM esms e JOIN esm_versions v ON v.esm_id = e.id AND v.version = e.num_versions"
    )
    for esm_id, number, task, architecture, owner, at in rows.fetchall():
        facts = json.loads(task) if isinstance(task, str) else task
        op.execute(
            esms.update()
            .where(esms.c.id == esm_id)
            .values(
                last_number=number,
                latest_number=number,
                live=True,
                data_set=facts["data_set"],
                kind=facts.get("kind"),
                language=facts.get("language"),
                architecture=architecture,
                owner=owner,
                updated_at=at,
            )
        )


_ESM_COLUMNS = (
    "id", "last_number", "latest_number", "live", "data_set", "kind", "language", "architecture",
    "owner", "updated_at",
)  # fmt: skip


def downgrade() -> None:
    with op.batch_alter_table("spaces", schema=None) as batch_op:
        batch_op.drop_column("successor")
        batch_op.drop_column("retired_at")
        batch_op.drop_column("description")
        batch_op.drop_column("location")

    with op.batch_alter_table("esms", schema=None) as batch_op:
        batch_op.drop_column("updated_at")
        batch_op.drop_column("owner")
        batch_op.drop_column("architecture")
        batch_op.drop_column("licence")
        batch_op.drop_column("domain")
        batch_op.drop_column("language")
        batch_op.drop_column("kind")
        batch_op.drop_column("data_set")
        batch_op.drop_column("live")
        batch_op.drop_column("latest_number")
        batch_op.drop_column("last_number")
        batch_op.drop_column("superseded_by")
        batch_op.drop_column("description")

    with op.batch_alter_table("esm_versions", schema=None) as batch_op:
        batch_op.drop_column("yank_reason")
        batch_op.drop_column("yanked_by")
        batch_op.drop_column("yanked_at")
        batch_op.drop_column("near_duplicate_of")
        batch_op.drop_column("findings")
        batch_op.drop_column("source")
        batch_op.drop_column("size")

    op.drop_table("source_model_files")
    op.drop_table("source_sketches")
    op.drop_table("source_models")
    op.drop_table("map_signatures")
    op.drop_table("card_revisions")
    op.drop_table("aliases")
    op.drop_table("esm_tags")
    op.drop_table("alias_moves")

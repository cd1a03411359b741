"""give tokens users, and names namespaces with members

Revision: 3d5a0c41b7e2
Revises: 8fd1d20550ef
Created: 2026-11-21 01:46:00
"""

import sqlalchemy as sa
from alembic import op

revision = "3d5a0c41b7e2"
down_revision = "8fd1d20550ef"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user", sa.String(length=96), nullable=False),
        sa.Column("token", sa.String(length=96), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("namespace", sa.String(length=96), nullable=True),
        sa.Column("digest", sa.String(length=71), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_events_action"), ["action"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_events_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_events_namespace"), ["namespace"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_events_subject"), ["subject"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_events_user"), ["user"], unique=False)

    op.create_table(
        "namespaces",
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("description", sa.String(length=1000), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("quota_bytes", sa.BigInteger(), nullable=True),
        sa.Column("quota_versions", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=96), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_namespaces")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )
    op.create_table(
        "members",
        sa.Column("namespace", sa.String(length=96), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace"], ["namespaces.name"], name=op.f("fk_members_namespace_namespaces")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_members_user_id_users")),
        sa.PrimaryKeyConstraint("namespace", "user_id", name=op.f("pk_members")),
    )
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_members_user_id"), ["user_id"], unique=False)
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.add_column(sa.Column("user_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("namespace", sa.String(length=96), nullable=True))
        batch_op.add_column(sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True))
    _fill()
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.alter_column("user_id", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column(
            "name",
            existing_type=sa.VARCHAR(length=100),
            type_=sa.String(length=96),
            existing_nullable=False,
        )
        batch_op.drop_constraint(batch_op.f("uq_tokens_name"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_tokens_user_id_name"), ["user_id", "name"])
        batch_op.create_foreign_key(
            batch_op.f("fk_tokens_namespace_namespaces"), "namespaces", ["namespace"], ["name"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_tokens_user_id_users"), "users", ["user_id"], ["id"]
        )
    with op.batch_alter_table("esms", schema=None) as batch_op:
        batch_op.create_foreign_key(
            batch_op.f("fk_esms_namespace_namespaces"), "namespaces", ["namespace"], ["name"]
        )


def _fill() -> None:
    """Make users of tokens, and namespaces of ESMs with their pushers as admins."""
    run = op.get_bind().exec_driver_sql
    run(
        "INSERT INTO users (name, kind, is_admin, created_at) "
        "SELECT name, 'person', scope = 'admin', created_at FROM tokens"
    )
    run("UPDATE tokens SET user_id = (SELECT id FROM users WHERE users.name = tokens.name)")
    run(
        "INSERT INTO namespaces (name, description, private, created_at, created_by) "
        "SELECT e.namespace, '', FALSE, MIN(e.created_at), MIN(v.created_by) "
        "FROM esms e JOIN esm_versions v ON v.esm_id = e.id GROUP BY e.namespace"
    )
    run(
        "INSERT INTO members (namespace, user_id, role) SELECT DISTINCT e.namespace, u.id, 'admin' "
        "FROM esms e JOIN esm_versions v ON v.esm_id = e.id JOIN users u ON u.name = v.created_by"
    )


def downgrade() -> None:
    with op.batch_alter_table("esms", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_esms_namespace_namespaces"), type_="foreignkey")
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_tokens_user_id_users"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_tokens_namespace_namespaces"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_tokens_user_id_name"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_tokens_name"), ["name"])
        batch_op.alter_column(
            "name",
            existing_type=sa.String(length=96),
            type_=sa.VARCHAR(length=100),
            existing_nullable=False,
        )
        batch_op.drop_column("revoked_at")
        batch_op.drop_column("last_used_at")
        batch_op.drop_column("namespace")
        batch_op.drop_column("user_id")

    op.drop_table("members")
    op.drop_table("users")
    op.drop_table("namespaces")
    op.drop_table("audit_events")

"""let robots belong to namespaces, and users be disabled

A robot all of whose tokens are limited to one namespace belongs to that; any other is left to the
admins of the registry.

Revision: 7b41d0f6c3ea
Revises: 5d1c7e0a94b2
Created: 2026-11-30 10:30:00
"""

import sqlalchemy as sa
from alembic import op

revision = "7b41d0f6c3ea"
down_revision = "5d1c7e0a94b2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("namespace", sa.String(length=96), nullable=True))
        batch_op.add_column(sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("disabled_by", sa.String(length=96), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_users_namespace_namespaces"), "namespaces", ["namespace"], ["name"]
        )
    op.execute(
        "UPDATE users SET namespace = "
        "(SELECT MIN(t.namespace) FROM tokens t WHERE t.user_id = users.id) "
        "WHERE kind = 'robot' AND NOT is_admin "
        "AND NOT EXISTS "
        "(SELECT 1 FROM tokens t WHERE t.user_id = users.id AND t.namespace IS NULL) "
        "AND (SELECT COUNT(DISTINCT t.namespace) FROM tokens t WHERE t.user_id = users.id) = 1"
    )


def downgrade() -> None:
    """Whoever is disabled would work again: their tokens are revoked instead."""
    op.execute(
        "UPDATE tokens SET revoked_at = "
        "(SELECT u.disabled_at FROM users u WHERE u.id = tokens.user_id) "
        "WHERE revoked_at IS NULL AND user_id IN "
        "(SELECT u.id FROM users u WHERE u.disabled_at IS NOT NULL)"
    )
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_users_namespace_namespaces"), type_="foreignkey")
        batch_op.drop_column("disabled_by")
        batch_op.drop_column("disabled_at")
        batch_op.drop_column("namespace")

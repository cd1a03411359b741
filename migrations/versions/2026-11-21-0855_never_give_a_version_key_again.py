"""never give a version key again

Revision: c27d94e0b8f1
Revises: 8f0a3d5e17c6
Created: 2026-11-21 08:55:00
"""

from alembic import op

revision = "c27d94e0b8f1"
down_revision = "8f0a3d5e17c6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _write_anew(autoincrement=True)


def downgrade() -> None:
    _write_anew(autoincrement=False)


def _write_anew(*, autoincrement: bool) -> None:
    """SQLite alone gives keys of deleted rows again, and changes a table only by a new one."""
    if op.get_bind().dialect.name != "sqlite":
        return
    with op.batch_alter_table(
        "esm_versions", recreate="always", table_kwargs={"sqlite_autoincrement": autoincrement}
    ):
        pass

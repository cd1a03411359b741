"""know the views of spaces

Revision: 5b1c7f0e92a4
Revises: 3f8a6c25d1e9
Created: 2026-12-01 01:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "5b1c7f0e92a4"
down_revision = "3f8a6c25d1e9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("spaces", sa.Column("views", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("spaces", "views")

"""A bucket of a real S3 server."""

import pytest
from support.storage import s3_server


@pytest.fixture(name="bucket", scope="module")
def _bucket():
    """For one file of tests, which are skipped where there is no server."""
    name = s3_server().create_bucket()
    yield name
    s3_server().remove_bucket(name)

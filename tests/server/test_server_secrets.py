"""Keys of the object store are in no text that settings and places show of themselves."""

from esm_server.settings import Settings
from esm_server.storage.s3_place import S3Place


def test_no_secret_is_shown():
    settings = Settings(s3_secret_key="very-secret", s3_access_key="also-secret")
    place = S3Place("http://x", "b", "also-secret", "very-secret")
    assert "secret" not in repr(settings).replace("s3_secret_key", "")
    assert "very-secret" not in repr(place)

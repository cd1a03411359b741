"""Keys of the object store and tokens' secrets lie nowhere that they can be read from."""

from esm_server.settings import Settings
from esm_server.storage.s3_place import S3Place


def test_no_secret_is_shown():
    settings = Settings(s3_secret_key="very-secret", s3_access_key="also-secret")
    place = S3Place("http://x", "b", "also-secret", "very-secret")
    assert "secret" not in repr(settings).replace("s3_secret_key", "")
    assert "very-secret" not in repr(place)


def test_no_file_of_a_registry_holds_the_secret_of_a_token(registry):
    with registry.client(registry.write_token) as client:
        answer = client.post("/v1/tokens", json={"name": "one-more", "scope": "read"})
    made = answer.raise_for_status().json()["secret"]
    with registry.client(made) as client:
        assert client.get("/v1/whoami").json()["token"] == "one-more"
    held = [path for path in registry.data_dir.rglob("*") if path.is_file()]
    assert held
    for path in held:
        assert not any(
            secret.encode() in path.read_bytes()
            for secret in (made, registry.write_token, registry.admin_token)
        ), path

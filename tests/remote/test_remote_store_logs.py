"""What is asked of an object store gets into logs without its signature."""

from support.relay import Answer

from esm_client.remote.config.settings import resolve_settings
from esm_client.remote.files.store_route import StoreRoute


def test_no_signature_gets_into_logs(start_relay, caplog):
    relay = start_relay()
    redirect = {"location": "/elsewhere?X-Amz-Signature=abc123"}
    relay.rule = lambda asked, forward: Answer(200, b"bytes", redirect)
    route = StoreRoute(resolve_settings(relay.url, None))
    with caplog.at_level("DEBUG"):
        for query in ("X-Amz-Date=20260101T000000Z&X-Amz-Signature=abc123", "page=2"):
            with route.get(f"{relay.url}/bucket/object?{query}", {}) as answer:
                assert answer.read() == b"bytes"
    route.close()
    assert relay.paths()[0].endswith("abc123")
    assert f"{relay.url}/bucket/object " in caplog.text
    assert "X-Amz" not in caplog.text
    assert "page=2" in caplog.text

"""Clients keep their connections open while they think."""

import socket


def test_three_hundred_idle_connections_keep_nobody_waiting(registry):
    host, port = registry.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port)), timeout=10) for _ in range(300)]
    try:
        for connection in idle:
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        for connection in idle:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        with registry.client(registry.read_token) as client:
            assert client.get("/v1/esms").status_code == 200
    finally:
        for connection in idle:
            connection.close()

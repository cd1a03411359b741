"""Rankings to report outcomes of."""

import pytest
from server.test_server_rankings import body, make_sketch


@pytest.fixture(name="client")
def _client(registry):
    with registry.client(registry.write_token) as client:
        yield client


@pytest.fixture(name="database")
def _database(registry):
    database = registry.database()
    yield database
    database.close()


class Ranked:
    """A ranking of four ESMs in a space of their own."""

    def __init__(self, client, space, receipt):
        self.client, self.space, self.receipt = client, space, receipt
        self.path = f"/v1/rankings/{receipt['id']}/outcomes"
        self.sources = [row["reference"] for row in receipt["rows"]]

    def report(self, source, metric, **fields):
        reference = None if source is None else self.sources[source]
        return self.client.post(
            self.path, json={"reference": reference, "metric": metric, **fields}
        )

    def ledger(self):
        response = self.client.get(f"/v1/spaces/{self.space}/ledger")
        assert response.status_code == 200, response.text
        return {entry["method"]: entry for entry in response.json()["entries"]}


@pytest.fixture(name="rank")
def _rank(client, push, esm_directory, unique):
    for index in range(4):
        directory = esm_directory(f"esm-{index}", seed=index)
        assert push(directory, f"{unique}/esm-{index}", space=unique).status_code == 201

    def rank(seed=0):
        response = client.post("/v1/rankings", json=body(unique, make_sketch(seed=seed)))
        return Ranked(client, unique, response.json())

    return rank

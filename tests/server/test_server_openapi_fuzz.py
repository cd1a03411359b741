"""Generated requests find no server fault and no answer the OpenAPI document does not declare.

ESM_FUZZ_EXAMPLES: how many requests for each operation and scope, for a longer run.
"""

import base64
import os

import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from support.registry import RunningRegistry

from esm_client.core.scoring.sketch import TargetSketch

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]

EXAMPLES = int(os.environ.get("ESM_FUZZ_EXAMPLES", "25"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(name="registry", scope="module")
def _registry(tmp_path_factory):
    """A server of its own: an admin's random requests spare nothing."""
    running = RunningRegistry(tmp_path_factory.mktemp("fuzzed"))
    yield running
    running.kill()


@pytest.fixture(name="existing")
def _existing(registry, push, esm_directory, unique):
    """Path parameters of things that exist, so that not every answer is a 404."""
    version = push(esm_directory(unique), f"{unique}/fuzzed", space=unique).json()
    labels = np.arange(20) % 2
    embeddings = np.random.default_rng(0).standard_normal((20, 16))
    sketch = TargetSketch.from_embeddings(embeddings, labels, kind="classification").to_bytes()
    body = {"space": unique, "sketch": base64.b64encode(sketch).decode()}
    with registry.client(registry.admin_token) as client:
        ranking = client.post("/v1/rankings", json=body).json()
    return {
        "namespace": unique,
        "selector": "latest",
        "filename": "model.safetensors",
        "digest": version["manifest"]["files"]["config.json"]["sha256"],
        "ranking_id": ranking["id"],
        "/v1/spaces/{name}": unique,
        "/v1/spaces/{name}/ledger": unique,
        "/v1/spaces/{name}/live": unique,
        "/v1/spaces/{name}/pack": unique,
        "name": "fuzzed",
        "user": "admin",
        "alias": "stable",
        "token_id": 1,
        "metric_name": "accuracy",
    }


@pytest.mark.parametrize("scope", ["admin", "write", "read"])
def test_answers_are_declared(registry, subtests, existing, scope):
    """Not schemathesis's own pytest glue, which reaches into parts that pytest 9 renamed."""
    schema = schemathesis.openapi.from_url(f"{registry.url}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 15
    statuses = set()
    for operation in operations:
        with subtests.test(operation.label):

            @given(case=operation.as_strategy(), real=strategies.booleans())
            @settings(
                max_examples=EXAMPLES if scope == "admin" else EXAMPLES // 2,
                deadline=None,
                derandomize=True,
                database=None,
                phases=(Phase.explicit, Phase.generate),
                suppress_health_check=list(HealthCheck),
            )
            def answers_are_declared(case, real):
                for name in case.path_parameters if real else ():
                    case.path_parameters[name] = existing.get(case.path, existing[name])
                # a token of its own for each request, which may well revoke it
                headers = {"Authorization": f"Bearer {registry.create_token(scope)}"}
                response = case.call_and_validate(headers=headers, checks=CHECKS)
                statuses.add(response.status_code)

            answers_are_declared()
    assert {200, 400, 404} | (
        {403} if scope == "read" else set()
    ) <= statuses  # the good paths were walked as well

"""Taking in what the published ecosystem wrote, and publishing it here."""

import pytest
from core.artifact.test_artifact_published import write_theirs

from esm_client import EsmArtifact
from esm_client.core.errors import InvalidInput
from esm_client.workflows.published import import_published


def test_each_is_written_and_published_and_one_that_is_damaged_stops_no_other(
    client, esm_directory, unique, tmp_path
):
    client.push(esm_directory("first", dimension=6), f"{unique}/first", space=unique)
    for name in ("broken", "imdb", "news"):
        write_theirs(tmp_path / "hub" / name, task_id=name)
    (tmp_path / "hub" / "broken" / "model.safetensors").write_bytes(b"no")
    rows = import_published(
        tmp_path / "hub", tmp_path / "esms", push=unique, space=unique, client=client,
        source=lambda known: known.model_copy(update={"licence": "mit"}),
    )  # fmt: skip
    assert [(row.name, row.outcome) for row in rows] == [
        ("broken", "failed"), ("imdb", "pushed"), ("news", "pushed"),
    ]  # fmt: skip
    assert rows[0].reason
    assert client.show(f"{unique}/imdb").source.licence == "mit"
    source = EsmArtifact.read(tmp_path / "esms" / "imdb").source
    assert (source.location, source.licence) == ("imdb", "mit")


@pytest.mark.parametrize("arguments", [{"push": "team"}, {"space": "space"}])
def test_a_namespace_and_a_space_belong_together(tmp_path, arguments):
    with pytest.raises(InvalidInput, match="belong together") as caught:
        import_published(tmp_path, tmp_path / "esms", **arguments)
    assert caught.value.parameters == ("push", "space")

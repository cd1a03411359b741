"""`esm_client.build`: many data sets, real workers, a real registry."""

import pytest

from esm_client import Client, Embedder, EsmArtifact, build
from esm_client.core.errors import Conflict, InvalidInput, Unauthorized
from esm_client.lab.build.build import BUILDING, READING

pytestmark = pytest.mark.xdist_group("built")  # one build serves them all


def test_all_are_built_published_and_told(built, client):
    rows, heard = built.report.rows, built.heard
    names = [f"{built.namespace}/{row.name}@1" for row in rows]
    assert [row.pushed for row in rows] == names
    assert sorted(esm.latest.reference for esm in client.list(space=built.space)) == sorted(names)
    assert {row.name for row in heard.results} == {row.name for row in rows}
    assert [step for step in heard.steps if step[0] == BUILDING] == [
        (BUILDING, 0, 2), (BUILDING, 1, 2), (BUILDING, 2, 2),
    ]  # fmt: skip
    assert (READING, 2, 2) in heard.steps
    assert heard.trained == {f"{built.space}/{row.name}" for row in rows}
    assert not built.report.failed
    assert "news_desk" in str(built.report)
    assert "<td" in built.report._repr_html_()


def test_every_step_ends(built):
    last = {step: (done, total) for step, done, total in built.heard.steps}
    assert all(done == total for done, total in last.values())


def test_the_same_call_trains_nothing(built, client):
    heard = type(built.heard)()
    again = build(built.data, built.output, client=client, **built.asked, **heard.asked)
    assert heard.trained == set()
    assert [row.pushed for row in again.rows] == [row.pushed for row in built.report.rows]


def test_a_space_of_the_registry_brings_its_settings(built, tiny, client, tmp_path):
    report = build(
        built.data, tmp_path / "out", spaces=[built.space], base_models=[str(tiny)],
        limit_rows=30, devices=["cpu"], threads=1, dry_run=True, client=client, progress=False,
    )  # fmt: skip
    assert {(row.space, row.outcome, row.rows) for row in report.rows} == {
        (built.space, "ready", 30)
    }


def test_esms_for_a_space_of_its_own_name_without_views(built, tiny, client, unique, tmp_path):
    plain = Embedder(tiny, device="cpu", views=None, name=f"org/{unique}")
    client.create_space(unique, plain.fingerprint)
    asked = {**built.asked, "push": unique, "spaces": unique}
    del asked["base_model_name"]
    report = build(built.data, tmp_path / "out", client=client, progress=False, **asked)
    assert {esm.latest.space for esm in client.list(namespace=unique)} == {unique}
    assert client.space(unique).num_esms == len(report.rows) == 2
    for row in report.rows:
        config = EsmArtifact.read(tmp_path / "out" / row.space / row.name).config
        assert (config.architecture, config.space.views) == ("low-rank", None)


def test_a_name_that_belongs_to_another_space(built, tiny, client, unique, tmp_path):
    plain = Embedder(tiny, device="cpu", views=None, name=f"org/{unique}")
    client.create_space(unique, plain.fingerprint)
    asked = {**built.asked, "spaces": unique}
    del asked["base_model_name"]
    with pytest.raises(Conflict, match=f"belongs to the space '{built.space}'"):
        build(built.data, tmp_path / "out", client=client, **asked)
    assert not (tmp_path / "out").exists()


def test_one_of_each_needs_no_list(built, tiny, client, tmp_path):
    asked = {"limit_rows": 30, "threads": 1, "dry_run": True, "progress": False, "client": client}
    for number, named in enumerate(({"spaces": built.space}, {"base_model_name": "org/x"})):
        output = tmp_path / f"out{number}"
        report = build(built.data, output, base_models=tiny, devices="cpu", **named, **asked)
        assert [row.outcome for row in report.rows] == ["ready", "ready"]


def test_a_base_model_that_is_not_known_is_named_in_base_models(built, client, tmp_path):
    with pytest.raises(InvalidInput, match="`base_models`") as caught:
        build(built.data, tmp_path / "out", spaces=built.space, client=client)
    assert caught.value.parameters == ("base_models",)


def test_who_may_not_publish_is_told_before_any_work(built, registry, tmp_path):
    with Client(registry.url, "esm_" + "0" * 40) as stranger, pytest.raises(Unauthorized):
        build(built.data, tmp_path / "out", client=stranger, **built.asked)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [({"base_model_name": "org/x"}, "base_model_name"), ({"limit_rows": 0}, "limit_rows")],
)
def test_wrong_arguments_are_named(built, tmp_path, arguments, parameter):
    with pytest.raises(InvalidInput, match=parameter) as caught:
        build(built.data, tmp_path / "out", **arguments)
    assert caught.value.parameters == (parameter,)

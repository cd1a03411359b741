"""`push-all` on folders as people have them: nested, and with things that are none in between."""

import json
import shutil

import pytest

from esm_client.remote.publishing.esm_folders import find_esms


@pytest.fixture(name="folder")
def _folder(esm_directory, tmp_path):
    """As `build` writes them: by space, then by task; with a log beside them."""
    for seed, path in enumerate(("one/hotels", "one/films", "two/news")):
        esm_directory(f"esms/{path}", seed=seed, dimension=16)
    (tmp_path / "esms" / ".log").mkdir()
    (tmp_path / "esms" / ".log" / "config.json").write_text("{}")
    return tmp_path / "esms"


def test_what_build_writes_is_taken_as_it_lies(done, folder, namespace):
    said = done("push-all", folder, namespace, "--space", namespace)
    assert said == "3 ESMs published, 0 there already, 0 refused\n"
    assert f"{namespace}/news" in done("list", "--namespace", namespace)


def test_what_is_wrong_with_one_stops_no_other(esm, folder, namespace):
    shutil.copytree(folder / "one" / "hotels", folder / "one" / "Bad Name")
    shutil.copytree(folder / "one" / "films", folder / "two" / "films")
    (folder / "half").mkdir()
    shutil.copy(folder / "one" / "hotels" / "config.json", folder / "half")
    pushed = esm("push-all", folder, namespace, "--space", namespace)
    assert pushed.returncode == 1
    assert pushed.stdout == "2 ESMs published, 0 there already, 4 refused\n"
    lines = [line for line in pushed.stderr.splitlines() if not line.startswith("warning: ")]
    assert [line.split(": ")[1] for line in lines if line.startswith("error: ")] == [
        "half",
        "Bad Name",
        "one/films",
        "two/films",
    ]
    assert "it holds 'B' (latin capital letter b)" in pushed.stderr
    assert "error: half: model.safetensors is missing." in lines
    assert "error: one/films: two/films has the same name." in lines
    assert sum(line.startswith("  ") for line in lines) == 3

    told = esm("push-all", folder, namespace, "--space", namespace, "--json")
    assert told.returncode == 1
    codes = {r["name"]: r["problem"] and r["problem"]["code"] for r in json.loads(told.stdout)}
    assert codes == {
        "hotels": None,
        "news": None,
        "Bad Name": "invalid-name",
        "half": "invalid-artifact",
        "one/films": "conflict",
        "two/films": "conflict",
    }


def test_findings_of_the_server_are_told(esm, folder, esm_directory, namespace):
    for number in range(12):
        esm_directory(f"esms/copies/c{number:02d}", seed=99, dimension=16)
    pushed = esm("push-all", folder, namespace, "--space", namespace, "--json")
    assert pushed.returncode == 0, pushed.stderr
    results = json.loads(pushed.stdout)
    count = sum(len(result["findings"]) for result in results)
    assert count >= 11
    checks = {finding["check"] for result in results for finding in result["findings"]}
    assert "near-duplicate" in checks
    lines = pushed.stderr.splitlines()
    assert len(lines) == 12
    assert "Its map is almost that of" in pushed.stderr
    assert lines[10] == f"... and {count - 10} more; --json gives all"
    assert lines[11].startswith("warning: nobody will know how to get the data set of 15 ESMs, ")


@pytest.mark.parametrize(
    ("name", "said", "hint"),
    [
        ("nowhere", "There is no folder nowhere.", "Check the path."),
        ("esms/.log", "holds no directory with an ESM.", "It is one itself"),
        ("esms/empty", "holds no directory with an ESM.", "Name a folder above"),
    ],
)
def test_folders_without_esms(fails, folder, name, said, hint):
    (folder / "empty").mkdir()
    message, then = fails("push-all", name, "team")
    assert message.endswith(said)
    assert then.startswith(hint)


def test_links_in_a_circle_end(folder, tmp_path):
    (folder / "one" / "again").symlink_to(folder)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "linked").symlink_to(folder / "two")
    assert set(find_esms(folder)[0]) == {"hotels", "films", "news"}
    assert list(find_esms(tmp_path / "links")[0]) == ["news"]

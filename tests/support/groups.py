"""`xdist_group` marks that hold: tests of one group run on one worker, one after the other.

pytest-xdist 3.8 tells the scheduler the group by writing it into the node id, which pytest 9.2
reads from elsewhere: groups are ignored without a word (pytest-xdist issue 1386). This goes when
a release of pytest-xdist has mended it.
"""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Write the group into the node id, where a worker collects for `--dist loadgroup`."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        suffix = f"@{'_'.join(groups)}"
        if not groups or item.nodeid.endswith(suffix):
            continue
        item._id = type(item._id).parse(f"{item.nodeid}{suffix}")
        if not item.nodeid.endswith(suffix):
            raise pytest.UsageError(f"{item.nodeid} cannot be kept in its group {groups}")

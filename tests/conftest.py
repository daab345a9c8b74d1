"""What holds for all tests: under CI nothing may be left out, so a skipped test fails the run and is named with its reason; and
where tests run on many cores, those that share a browser, a broker or a server run on one."""

import os

import pytest

__all__ = ["pytest_collection_modifyitems", "pytest_sessionfinish"]

#: Folders whose tests share something that takes long to start.
TOGETHER = ("browser", "kafka")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the tests of some folders on one core each, and begins with them, since they take longest together."""
    for item in items:
        folder = item.path.parent.name
        if folder in TOGETHER:
            item.add_marker(pytest.mark.xdist_group(folder))
    items.sort(key=lambda item: item.path.parent.name not in TOGETHER)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turns a run that skipped anything into a failed one where `CI=true`; pytest's `-rs` prints the reasons."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    skipped = bool(reporter and reporter.stats.get("skipped"))
    if skipped and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

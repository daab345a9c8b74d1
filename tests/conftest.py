"""What holds for all tests: under CI nothing may be left out, so a skipped test fails the run and is named with its reason; and
where tests run on many cores, those that share a browser, a broker or a module's fixtures run on one."""

import os

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

__all__ = ["pytest_sessionfinish", "pytest_xdist_auto_num_workers", "pytest_xdist_make_scheduler"]

#: Folders whose tests share something that takes long to start.
TOGETHER = ("browser", "kafka")


class _Scheduling(LoadScopeScheduling):
    """Hands out tests file by file, and those of some folders all at once; what has most tests goes first."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return next((folder for folder in TOGETHER if f"/{folder}/" in file), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _Scheduling:
    return _Scheduling(config, log)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are cores: brokers, browsers and services are waited for more than they work."""
    return (os.cpu_count() or 1) + 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turns a run that skipped anything into a failed one where `CI=true`; pytest's `-rs` prints the reasons."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    skipped = bool(reporter and reporter.stats.get("skipped"))
    if skipped and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

"""Rules: Prometheus reads all of them, every alert fires when it should and is silent when it should, and the runbook has a heading for each."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from dashboards.alerting import alerts_of
from dashboards.catalogue import METRICS, metrics_in
from dashboards.documents import runbook
from dashboards.rules import anchor, recordings, rules_file
from engine.measures import SERVICE_LEVELS
from engine.policy import Policy
from streams.policy.reading import default_policy
from tests.dashboards.rule_cases import promtool_file

POLICY = default_policy()


def promtool(*arguments: str) -> str:
    assert shutil.which("promtool"), "promtool is missing; install the Debian package prometheus"
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_reads_the_rules_of_every_formula(tmp_path: Path) -> None:
    files = [tmp_path / f"{formula}.yml" for formula in SERVICE_LEVELS]
    for file in files:
        file.write_text(rules_file(Policy(service_level=file.stem), "RUNBOOK.md"), "utf-8")
    assert promtool("check", "rules", "--lint=all", "--lint-fatal", *map(str, files)).count("SUCCESS") == len(files)


def test_every_alert_fires_and_is_silent_when_it_should(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(rules_file(POLICY, "RUNBOOK.md"), "utf-8")
    told = promtool_file(POLICY, "rules.yml")
    assert sum(len(test["promql_expr_test"]) for test in told["tests"]) == 2 * len(alerts_of(POLICY))
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(told), "utf-8")
    assert "SUCCESS" in promtool("test", "rules", str(tmp_path / "tests.yml"))


def test_a_case_that_should_fire_and_does_not_is_noticed(tmp_path: Path) -> None:
    told = promtool_file(POLICY, "rules.yml")
    (tmp_path / "rules.yml").write_text(rules_file(Policy(), "RUNBOOK.md").replace("> 60", "> 6000"), "utf-8")
    test = told["tests"][0]
    test["promql_expr_test"] = [one for one in test["promql_expr_test"] if "WatermarkStalled" in one["expr"]]
    (tmp_path / "tests.yml").write_text(yaml.safe_dump({**told, "tests": [test]}), "utf-8")
    with pytest.raises(AssertionError, match="WatermarkStalled"):
        promtool("test", "rules", str(tmp_path / "tests.yml"))


def test_every_condition_of_a_policy_has_its_alert_and_every_alert_its_heading() -> None:
    alerts = alerts_of(POLICY)
    assert len({alert.name for alert in alerts}) == len(alerts)
    text = runbook(POLICY)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == [alert.name for alert in alerts]
    for alert in alerts:
        assert re.search("[\u4e00-\u9fff]", alert.chinese) and re.search("[\u4e00-\u9fff]", alert.todo_chinese)
        assert f"](#{anchor(alert)})" in text
    for condition in POLICY.conditions:
        assert any(f'condition="{condition.name}"' in alert.expression for alert in alerts)


def test_rules_read_only_what_is_exported() -> None:
    for expression in (*recordings(POLICY).values(), *(alert.expression for alert in alerts_of(POLICY))):
        for name in metrics_in(re.sub(r"\b\w+:floorwatch_\w+:\w+", "", expression)):
            assert name in METRICS
    for recorded in re.findall(r"\b\w+:floorwatch_\w+:\w+", " ".join(alert.expression for alert in alerts_of(POLICY))):
        assert recorded in recordings(POLICY)


def test_the_same_policy_gives_the_same_bytes() -> None:
    assert rules_file(default_policy(), "R") == rules_file(default_policy(), "R")
    assert rules_file(Policy(), "R") != rules_file(default_policy(), "R")

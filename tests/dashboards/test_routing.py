"""Alertmanager's configuration: it is sound, every alert finds its people, the graver holds back the lighter, and the command writes it all."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dashboards.build import Places, files_of
from dashboards.routing import alertmanager_file, tenants_of
from engine.policy import Policy, line
from streams.policy.reading import default_policy

ROOT = Path(__file__).parents[2]
#: A name that would end a matcher if it were written as it is.
ODD = 'sh"op\\'
POLICY = Policy(lines=(line("wait", 30), line("wait", 10, tenant="shop-7"), line("wait", 20, tenant=ODD)))


def amtool(*arguments: str) -> str:
    assert shutil.which("amtool"), "amtool is missing; install the Debian package prometheus-alertmanager"
    done = subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def file(tmp_path: Path) -> Path:
    hooks = {"manager": "https://pager.example/manager", "shop-7/manager": "https://pager.example/shop-7"}
    path = tmp_path / "alertmanager.yml"
    token = tmp_path / "token"
    token.write_text("x")
    text = alertmanager_file(POLICY, hooks, floorwatch="http://127.0.0.1:8080", token_file=str(token))
    path.write_text(text, "utf-8")
    return path


def test_alertmanager_reads_what_is_written(file: Path) -> None:
    assert "SUCCESS" in amtool("check-config", str(file))
    assert tenants_of(POLICY) == (ODD, "shop-7")


@pytest.mark.parametrize(("labels", "receivers"), [
    (["alertname=Watchdog", "severity=info"], "watchdog"),
    (["alertname=X", "severity=critical", "level=manager", "origin=floorwatch"], "manager"),
    (["alertname=X", "severity=warning", "level=supervisor", "origin=floorwatch"], "supervisor"),
    (["alertname=X", "severity=info", "level=team_leader", "origin=floorwatch"], "team_leader"),
    (["alertname=X", "severity=critical", "level=manager", "origin=floorwatch", "tenant=shop-7"], "shop-7/manager,manager"),
    (["alertname=X", "severity=critical", "level=manager", "origin=floorwatch", "tenant=shop-8"], "manager"),
    (["alertname=PbxDown", "severity=critical"], "cases,manager"),
])  # fmt: skip
def test_every_alert_goes_to_its_level_and_shop_and_others_grave_ones_become_cases(
    file: Path, labels: list[str], receivers: str
) -> None:
    assert amtool("config", "routes", "test", f"--config.file={file}", *labels).strip() == receivers


def test_while_we_are_blind_no_figure_is_told_and_of_one_matter_only_the_gravest(file: Path) -> None:
    rules = yaml.safe_load(file.read_text("utf-8"))["inhibit_rules"]
    assert rules[0]["source_matchers"] == ['blind="yes"']
    assert all("subject" in rule["equal"] for rule in rules[1:])


def test_the_command_writes_every_file_and_the_same_ones_again(tmp_path: Path) -> None:
    def built(name: str) -> dict[str, bytes]:
        out = tmp_path / name
        command = [
            sys.executable,
            "-m",
            "streams",
            "dashboards",
            "build",
            "--out",
            str(out),
            "--webhook",
            "manager=https://x.example/",
        ]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    one = built("one")
    assert one == built("two")
    expected = files_of(default_policy(), Places(webhooks={"manager": "https://x.example/"}))
    assert one == {name: text.encode() for name, text in expected.items()}
    checked = subprocess.run(
        ["promtool", "check", "config", str(tmp_path / "one/prometheus/prometheus.yml")],
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_a_webhook_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streams", "dashboards", "build", "--out", str(tmp_path), "--webhook", "manager"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is no webhook" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_push_without_a_token_or_a_grafana_says_so_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFANA_TOKEN", raising=False)
    command = [sys.executable, "-m", "streams", "dashboards", "push", "--grafana", "http://127.0.0.1:9"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "GRAFANA_TOKEN" in done.stderr) == (2, True)
    monkeypatch.setenv("GRAFANA_TOKEN", "glsa_secret")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "No Grafana answers" in done.stderr and "Traceback" not in done.stderr and "glsa_secret" not in done.stderr

"""The containers: what docker-compose.yml and the Dockerfile say can be done is done here by hand, for no Docker engine is at hand."""

import base64
import functools
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from streams.cli import cli
from streams.kafka.settings import VARIABLES
from streams.settings import TOKEN_LENGTH_MIN
from tests.kafka.broker import artifacts

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OURS = f"floorwatch:{PROJECT['project']['version']}"
BIN = Path(sys.executable).parent
CLUSTER = {
    "kafka", "topics", "gateway", "worker", "postgres", "hub", "cluster-files", "prometheus", "alertmanager", "grafana", "simulator",
}  # fmt: skip
#: Ends when it is done, and is waited for.
ONCE = {"topics", "monitoring-files", "cluster-files"}


def block(lines: list[str], depth: int) -> Any:
    """The YAML that docker-compose.yml is written in: mappings by two blanks, plain and quoted scalars, lists as JSON. Anything else raises,
    so the file stays as simple as it is read here."""
    found: dict[str, Any] = {}
    while lines and (not lines[0].strip() or len(lines[0]) - len(lines[0].lstrip()) == depth):
        line = lines.pop(0)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.fullmatch(r" *([A-Za-z0-9_-]+):(?: (.+))?", line)
        if match is None or match[1] in found:
            raise ValueError(f"not the YAML we write: {line!r}")
        found[match[1]] = scalar(match[2]) if match[2] else block(lines, depth + 2)
    return found


def scalar(text: str) -> Any:
    if text[0] in '["{' or text in ("true", "false") or text.isdigit():
        return json.loads(text)
    if re.search(r"[#&*!|>'%@`]|: ", text):
        raise ValueError(f"not the YAML we write: {text!r}")
    return text


@functools.cache
def compose() -> Any:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    lines = text.splitlines()
    found = block(lines, 0)
    assert not lines, f"not understood from {lines[0]!r} on"
    assert found == yaml.safe_load(text), "what it means to us is what it means to others"
    return found


SERVICES: dict[str, Any] = compose()["services"]
KEPT_UP = sorted(SERVICES.keys() - ONCE)


def is_ours(service: Any) -> bool:
    return bool(service["image"].startswith("floorwatch:"))


def words_of(service: Any) -> list[str]:
    """The command line of one of ours, also where a shell reads a secret for it first."""
    words: list[str] = service["command"]
    return shlex.split(words[2].rpartition(" exec ")[2]) if words[:2] == ["sh", "-c"] else words


# The image.


def instructions() -> list[list[str]]:
    """The stages of the Dockerfile, each a list of its instructions."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [
        ["FROM " + line for line in stage.splitlines()[:1]] + stage.splitlines()[1:]
        for stage in text.split("FROM ")[1:]
    ]


def test_the_image_is_built_from_what_is_here_and_with_every_package() -> None:
    sources = [
        source
        for stage in instructions()
        for line in stage
        if line.startswith("COPY ") and "--from=" not in line
        for source in line.split()[1:-1]
    ]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert {name.split(".")[0] for name in PROJECT["tool"]["setuptools"]["packages"]} <= set(sources)
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    assert sorted(sent) == sorted(sources), "nothing else is sent to the builder, no secret least of all"


def test_the_image_holds_what_is_locked_and_nothing_else() -> None:
    installed = [line for stage in instructions() for line in stage if "pip install" in line]
    locked = [line for line in installed if "--require-hashes" in line]
    assert [re.findall(r"-r (\S+)", line) for line in locked] == [
        ["requirements-build.lock", "requirements-kafka.lock"]
    ]
    assert all("--no-deps --no-build-isolation ." in line for line in installed if line not in locked)


def test_the_image_is_of_a_python_that_is_named_and_runs_as_nobody_special() -> None:
    build, final = instructions()
    (base,) = {stage[0].split()[1] for stage in (build, final)}
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", base)
    version = tuple(int(part) for part in re.findall(r"\d+", base)[:2])
    assert version >= tuple(int(part) for part in re.findall(r"\d+", PROJECT["project"]["requires-python"]))
    users = [line for line in final if line.startswith("USER ")]
    assert users == ["USER 1000:1000"]
    compiling = next(at for at, line in enumerate(final) if "floorwatch replay" in line)
    assert final.index(users[0]) < compiling, "whoever runs it must be able to read what was compiled"
    assert any("NUMBA_CACHE_DIR=/compiled" in line for line in final[:compiling])


def test_what_compiles_the_engine_in_the_image_are_commands_with_their_options() -> None:
    (line,) = [line for line in instructions()[1] if "floorwatch replay" in line]
    found = [shlex.split(part.split(">")[0]) for part in line.removeprefix("RUN ").split("&&")]
    for words in found[:2]:
        accept(words, {"compiling.jsonl": str(ROOT / "README.md")})


# The services.


def test_each_service_has_a_version_a_policy_of_restarts_and_says_how_it_is() -> None:
    for name, service in SERVICES.items():
        assert service["image"] == OURS or re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?", service["image"]), name
        assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
        if name not in ONCE:
            assert service["healthcheck"]["test"][0] == "CMD"
            assert service["healthcheck"].keys() == {"test", "interval", "timeout", "start_period", "retries"}


@pytest.mark.parametrize("profile", ["monitoring", "cluster"])
def test_what_a_service_waits_for_is_started_with_it_and_tells_when_it_is_ready(profile: str) -> None:
    started = {name for name, service in SERVICES.items() if profile in service["profiles"]}
    assert started == (
        CLUSTER if profile == "cluster" else {*started} - CLUSTER | {"prometheus", "alertmanager", "grafana"}
    )
    for name in started:
        awaited = SERVICES[name].get("depends_on", {})
        for other, how in awaited.items() if isinstance(awaited, dict) else [(one, {}) for one in awaited]:
            assert other in started or how["required"] is False
            if how:
                assert how["condition"] == f"service_{'completed_successfully' if other in ONCE else 'healthy'}"
    assert sum("build" in SERVICES[name] for name in started) == 1, "built once"


def accept(words: list[str], here: dict[str, str] | None = None) -> None:
    """Has the real command line read the words; what it refuses raises."""
    assert words[0] in PROJECT["project"]["scripts"]
    command: click.Command = cli
    context = click.Context(cli)
    rest = [(here or {}).get(word, word) for word in words[1:]]
    while isinstance(command, click.Group):
        found = command.get_command(context, rest.pop(0))
        assert found is not None, words
        command = found
    with command.make_context(words[1], rest):
        pass


def test_every_command_of_ours_is_a_command_with_its_options() -> None:
    for service in SERVICES.values():
        if is_ours(service):
            accept(words_of(service))


def test_who_speaks_to_kafka_is_told_where_it_is_and_the_same_partitions() -> None:
    told = [service["environment"] for service in SERVICES.values() if is_ours(service) and "environment" in service]
    assert len(told) == 4
    listener = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    for environment in told:
        assert set(environment) <= set(VARIABLES)
        assert environment["FLOORWATCH_KAFKA_BOOTSTRAP"] == listener.removeprefix("PLAINTEXT://")
    assert len({environment["FLOORWATCH_KAFKA_PARTITIONS"] for environment in told}) == 1
    assert told[0]["FLOORWATCH_KAFKA_PARTITIONS"] >= SERVICES["worker"]["scale"] == 2


def test_no_service_has_more_rights_than_it_needs() -> None:
    whole = compose()
    for name, service in SERVICES.items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert re.fullmatch(r"(\$\{FLOORWATCH_USER:-)?[1-9]\d*:[1-9]\d*\}?", service["user"]), "never as root"
        for port in service.get("ports", ()):
            assert port.startswith("${FLOORWATCH_ADDRESS:-127.0.0.1}:"), "reachable from elsewhere only on purpose"
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in whole["volumes"]
        files = [SERVICES[one]["command"] for one in ("monitoring-files", "cluster-files")]
        named = str([service.get("command"), service.get("environment"), files])
        for secret in service.get("secrets", ()):
            assert f"/run/secrets/{secret}" in named
            assert whole["secrets"][secret]["file"].startswith("./data/"), "a folder that is never committed"
        for secret in re.findall(r"/run/secrets/(\w+)", str([service.get("command"), service.get("environment")])):
            assert secret in service.get("secrets", ()) or name in ONCE
    assert "ports" not in SERVICES["kafka"]
    assert "ports" not in SERVICES["postgres"]


def test_what_must_last_is_in_a_volume() -> None:
    kept = {name: service.get("volumes", []) for name, service in SERVICES.items()}
    told = SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"]
    assert kept["kafka"] == [f"kafka-data:{told}"]
    folder = kept["postgres"][0].partition(":")[2]
    assert Path(SERVICES["postgres"]["environment"]["PGDATA"]).parent == Path(folder)
    for name in ("floorwatch", "gateway", "hub"):
        words = words_of(SERVICES[name])
        assert words[words.index("--data") + 1].startswith("/data/")
        assert any(volume.endswith(":/data") for volume in kept[name])
    for name in ("floorwatch", "gateway", "hub", "worker"):
        assert "compiled:/compiled" in kept[name]
    used = {volume.partition(":")[0] for volumes in kept.values() for volume in volumes}
    assert used == compose()["volumes"].keys()


@pytest.mark.parametrize("name", [name for name, one in SERVICES.items() if one.get("command", [""])[0] == "sh"])
def test_a_secret_that_no_option_takes_comes_by_the_environment_and_by_no_argument(name: str, tmp_path: Path) -> None:
    stub = tmp_path / "floorwatch"
    stub.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        "print(json.dumps([sys.argv[1:], {k: v for k, v in os.environ.items() if k.startswith('FLOORWATCH_')}]))\n"
    )
    stub.chmod(0o755)
    service = SERVICES[name]
    for secret in service["secrets"]:
        (tmp_path / secret).write_text(f"s3cret-{secret}")
    shell, flag, text = (word.replace("$$", "$").replace("/run/secrets", str(tmp_path)) for word in service["command"])
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([shell, flag, text], env={"PATH": path}, capture_output=True, text=True, check=True)
    words, environment = json.loads(done.stdout)
    assert words == [word.replace("/run/secrets", str(tmp_path)) for word in words_of(service)[1:]]
    assert "s3cret" not in str(words)
    assert (
        environment
        == {
            "hub": {
                "FLOORWATCH_ALERTS_STORE": "postgresql+pg8000://floorwatch:s3cret-postgres_password@postgres/floorwatch"
            },
            "simulator": {"FLOORWATCH_TOKEN": "s3cret-floorwatch_token"},
        }[name]
    )


# How they are.


@contextmanager
def answering(path: str, status: int) -> Iterator[str]:
    """A server of this machine that knows one path; gives its host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == path else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def exit_code(words: list[str]) -> int:
    kind, program, *arguments = words
    assert kind == "CMD"
    here = sys.executable if program == "python" else shutil.which(program)
    assert here, f"{program} is missing; install it"
    return subprocess.run([here, *arguments], check=False, capture_output=True, timeout=60).returncode


@pytest.mark.parametrize("name", [name for name in KEPT_UP if "http://" in str(SERVICES[name]["healthcheck"]["test"])])
def test_a_health_check_runs_and_is_well_only_where_the_service_says_so(name: str) -> None:
    words = SERVICES[name]["healthcheck"]["test"]
    (place, path) = re.search(r"http://([a-z0-9.]+:\d+)(/[^']*)", words[-1]).groups()  # type: ignore[union-attr]
    told = {"prometheus": "/-/ready", "alertmanager": "/-/ready", "grafana": "/api/health"}
    assert path == told.get(name, "/readyz"), "the path at which it answers"
    for status, well in ((200, True), (503, False)):
        with answering(path, status) as here:
            assert (exit_code([word.replace(place, here) for word in words]) == 0) is well
    assert exit_code([word.replace(place, here) for word in words]) != 0, "nobody is there"
    spoken = words_of(SERVICES[name]) if is_ours(SERVICES[name]) else []
    port = place.rpartition(":")[2]
    assert not spoken or any(port in word for word in spoken), "where it listens"


def test_the_health_check_of_postgresql_is_one_that_its_program_understands() -> None:
    kind, program, *arguments = SERVICES["postgres"]["healthcheck"]["test"]
    assert kind == "CMD"
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    assert found, "PostgreSQL is missing; install the package postgresql"
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    assert subprocess.run([found[-1], *arguments, "-p", str(port)], check=False).returncode == 2, (
        "no answer; 3 is misuse"
    )


def test_kafka_starts_with_these_settings_is_found_well_and_gets_the_topics(tmp_path: Path) -> None:
    service = SERVICES["kafka"]
    assert service["image"].partition(":")[2] in (ROOT / "tests" / "kafka" / "pom.xml").read_text("utf-8")
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = {"9092": str(one.getsockname()[1]), "9093": str(other.getsockname()[1])}

    def here(text: object) -> str:
        placed = str(text).replace("://:", "://127.0.0.1:").replace("kafka:", "127.0.0.1:")
        return re.sub(r"9092|9093", lambda match: ports[match[0]], placed).replace("/var/lib/kafka", str(tmp_path))

    environment = dict(service["environment"])
    identity = environment.pop("CLUSTER_ID")
    assert len(base64.urlsafe_b64decode(identity + "==")) == 16
    # As the image does: KAFKA_LOG_DIRS is the setting log.dirs.
    told = {name[6:].lower().replace("_", "."): here(value) for name, value in environment.items() if name != "LOG_DIR"}
    settings = tmp_path / "server.properties"
    settings.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    java = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-cp", artifacts()]
    storage = [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={identity}", "-c", str(settings)]
    subprocess.run(storage, check=True, capture_output=True)
    check = [here(word) for word in service["healthcheck"]["test"]]
    assert exit_code(check) != 0
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([*java, "kafka.Kafka", str(settings)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while exit_code(check):
            assert process.poll() is None
            assert time.monotonic() < deadline, (tmp_path / "log").read_text("utf-8")[-2_000:]
            time.sleep(0.2)
        topics = SERVICES["topics"]
        given = os.environ | {name: here(value) for name, value in topics["environment"].items()}
        command = [sys.executable, "-m", "streams", *topics["command"][1:]]
        made = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=True).stdout
        assert {line.split()[0] for line in made.splitlines()} == {"made"}
    finally:
        process.kill()  # Nothing of it is kept.
        process.wait(60)


# Beside each other.


def test_prometheus_is_told_of_the_hub_all_workers_and_all_gateways(tmp_path: Path) -> None:
    here = [str(tmp_path) if word == "/monitoring" else word for word in SERVICES["cluster-files"]["command"][1:]]
    # promtool looks for the token's file.
    (tmp_path / "token").write_text("t" * TOKEN_LENGTH_MIN)
    here = [str(tmp_path / "token") if word == "/run/secrets/floorwatch_token" else word for word in here]
    cli.main(here, standalone_mode=False)
    file = tmp_path / "prometheus" / "prometheus.yml"
    subprocess.run(["promtool", "check", "config", str(file)], check=True, capture_output=True)
    jobs = {job["job_name"]: job for job in yaml.safe_load(file.read_text("utf-8"))["scrape_configs"]}
    assert jobs["floorwatch"]["static_configs"] == [{"targets": ["hub:8080"]}]
    for name in ("worker", "gateway"):
        (found,) = jobs[f"floorwatch-{name}"]["dns_sd_configs"]
        assert found["names"] == [name]
        assert found["names"][0] in SERVICES
        assert any(str(found["port"]) in word for word in words_of(SERVICES[name]))
    assert "authorization" in jobs["floorwatch-gateway"]
    assert "authorization" not in jobs["floorwatch-worker"], "a worker asks for none, so none is sent to it"


def test_a_place_of_workers_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    words = ["floorwatch", "dashboards", "build", "--out", str(tmp_path)]
    for place in ("worker", "http://worker:9109", "worker:99999", ":9109"):
        with pytest.raises(click.BadParameter, match="host:port"):
            accept([*words, "--workers", place])


def test_one_machines_command_runs_and_its_health_check_tells_the_truth(tmp_path: Path) -> None:
    service = SERVICES["floorwatch"]
    token = tmp_path / "token"
    token.write_text("t" * TOKEN_LENGTH_MIN)
    here = {"/run/secrets/floorwatch_token": str(token), "/data/floorwatch": str(tmp_path / "data"), "8080": "0"}
    command = [str(BIN / "floorwatch"), *(here.get(word, word) for word in service["command"][1:])]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = re.search(r":(\d+)/", process.stdout.readline())[1]  # type: ignore[index]
            check = [word.replace("8080", port) for word in service["healthcheck"]["test"]]
            deadline = time.monotonic() + 60
            while exit_code(check):
                assert time.monotonic() < deadline
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/now", timeout=60)
        finally:
            process.terminate()
        assert process.wait(60) == 0
    assert exit_code(check) != 0

"""A real Apache Kafka 4: one node (KRaft, broker and controller in one process) on free ports of this machine.

Owns: the broker's artifacts, fetched once by Maven and kept under `build/`; its folder, its process, its users and its certificate.
Never stands in for anything: what a test proves here, it proves about Kafka. The law of its life: what was acknowledged
is still there after `kill` and `start`, because both work on the same folder and the same ports.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

__all__ = ["PASSWORD", "SCRAM", "USER", "Broker", "CannotRun", "artifacts"]

USER, PASSWORD = "floorwatch", "a pass-word of 50% & more"
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")

_POM = Path(__file__).with_name("pom.xml")
_KEPT = Path(__file__).parents[2] / "build" / "kafka"
_JAVA_MIN = 17
_START_S_MAX = 120
#: Systems give connections ports from 32,768 on, or higher ones.
_PORTS = range(20_000, 32_000)
_LISTENERS = {
    "PLAIN": "PLAINTEXT",
    "TLS": "SSL",
    "SECURE": "SASL_SSL",
    "OPEN": "SASL_PLAINTEXT",
    "CONTROLLER": "PLAINTEXT",
}


class CannotRun(Exception):
    """This machine cannot run a broker; the message says what to install."""


def artifacts() -> str:
    """The class path of the broker. Maven is asked only where it is not there yet, or was made from another `pom.xml`."""
    _java_or_raise()
    stamp = _KEPT / "pom.xml"
    if not stamp.exists() or stamp.read_bytes() != _POM.read_bytes():
        if shutil.which("mvn") is None:
            raise CannotRun("Maven is needed to fetch Apache Kafka: install the package maven, or set KAFKA_BOOTSTRAP.")
        shutil.rmtree(_KEPT, ignore_errors=True)
        goal = "dependency:copy-dependencies"
        command = ["mvn", "-q", "-B", "-f", str(_POM), goal, f"-DoutputDirectory={_KEPT}", "-DincludeScope=runtime"]
        fetched = subprocess.run(command, capture_output=True, text=True, check=False)
        if fetched.returncode:
            raise CannotRun(f"Maven could not fetch Apache Kafka:\n{fetched.stdout[-2_000:]}")
        shutil.copy(_POM, stamp)
    return f"{_KEPT}/*"


def _java_or_raise() -> None:
    said = ""
    if shutil.which("java"):
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
        version = said.split('"')[1].split(".")[0] if '"' in said else ""
        if version.isdecimal() and int(version) >= _JAVA_MIN:
            return
    raise CannotRun(
        f"Java {_JAVA_MIN} or newer is needed to run Apache Kafka ({said.splitlines()[0] if said else 'there is none'}): "
        "install the package default-jre-headless, or set KAFKA_BOOTSTRAP."
    )


class Broker:
    """One broker in `folder`. `start` returns when it answers; `stop` asks it to end, `kill` does not ask."""

    def __init__(self, folder: Path) -> None:
        self._class_path = artifacts()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._ports = dict(zip(_LISTENERS, _free_ports(len(_LISTENERS)), strict=True))
        self.log = folder / "broker.log"
        self.certificate = folder / "broker.pem"
        self._prepare()

    def at(self, listener: str) -> str:
        """Where to reach it: `PLAIN` open to all, `TLS`, `SECURE` (TLS and a password), `OPEN` (a password only)."""
        return f"127.0.0.1:{self._ports[listener]}"

    @property
    def bootstrap(self) -> str:
        return self.at("PLAIN")

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._java("-Xmx512m", "kafka.Kafka", str(self._folder / "server.properties")),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        deadline = time.monotonic() + _START_S_MAX
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The broker did not start:\n{self.log.read_text('utf-8')[-4_000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._ports["PLAIN"]), 1).close()
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=2_000)
        except (OSError, KafkaError):
            return False
        try:
            return bool(admin.describe_cluster()["brokers"])
        except KafkaError:
            return False
        finally:
            admin.close()

    def _prepare(self) -> None:
        """Writes the settings and the certificate, and formats the folder, as an operator would."""
        keys, password = self._folder / "broker.p12", uuid.uuid4().hex
        keytool = ("keytool", "-keystore", str(keys), "-storepass", password, "-alias", "broker")
        self._run(*keytool, "-genkeypair", "-keyalg", "EC", "-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1")
        self._run(*keytool, "-exportcert", "-rfc", "-file", str(self.certificate))
        settings = self._folder / "server.properties"
        settings.write_text("\n".join(f"{name}={value}" for name, value in self._settings(keys, password).items()))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        users = [f"{name}=[name={USER},password={PASSWORD}]" for name in SCRAM]
        added = [word for user in users for word in ("--add-scram", user)]
        self._run(
            *self._java("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(settings), *added)
        )

    def _settings(self, keys: Path, password: str) -> dict[str, str]:
        security = "org.apache.kafka.common.security"
        plain = f'{security}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        logins = {
            f"listener.name.{listener}.{mechanism.lower()}.sasl.jaas.config": login
            for listener in ("secure", "open")
            for mechanism, login in (
                ("PLAIN", plain), *((name, f"{security}.scram.ScramLoginModule required;") for name in SCRAM)
            )
        }  # fmt: skip
        hosts = [f"{name}://127.0.0.1:{port}" for name, port in self._ports.items()]
        return logins | {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{self.at('CONTROLLER')}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "listeners": ",".join(hosts),
            "advertised.listeners": ",".join(hosts[:-1]),
            "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in _LISTENERS.items()),
            "sasl.enabled.mechanisms": ",".join(("PLAIN", *SCRAM)),
            "ssl.keystore.location": str(keys),
            "ssl.keystore.password": password,
            "ssl.keystore.type": "PKCS12",
            "log.dirs": str(self._folder / "data"),
            # One node keeps every copy; nobody waits for others to join; a test need not wait out long sessions.
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "auto.create.topics.enable": "false",
        }

    def _java(self, *arguments: str) -> list[str]:
        return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", self._class_path, *arguments]

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"})
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-2_000:]}{done.stderr[-2_000:]}")


def _free_ports(count: int) -> list[int]:
    """Ports that are free, of those that no connection is given by itself: the broker asks for them half a minute later, on a machine where
    other tests open thousands of connections."""
    ports: list[int] = []
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            ports.append(port)
        if len(ports) == count:
            break
    return ports

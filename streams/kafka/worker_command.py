"""`floorwatch worker`: the command line of a worker on a cluster.

Owns: the options, the refusals before anything runs (wrong usage 2, cannot start 1, each one sentence), and the process around
`streams.kafka.worker`. Never prints a secret.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import click
import faust

from engine.keys import Secret
from engine.pipeline import Settings
from engine.shard import Shard as EngineShard
from streams.figures import live_settings
from streams.kafka.partition import Shard
from streams.kafka.secrets import pseudonyms_of, secret_of
from streams.kafka.settings import KafkaSettings, read_settings
from streams.kafka.topics import KafkaFailure, administration, check, failures
from streams.kafka.vitals import serve_vitals
from streams.kafka.worker import Pace, Worker
from streams.negative import NegativeWords
from streams.options import Duration, Words
from streams.policy.watching import PolicyFile
from streams.settings import SettingsError
from streams.warming import warm

__all__ = ["EngineShards", "worker"]

_HELP = """Count the events of a share of the partitions in Kafka; start as many workers as there are machines.

Workers share the partitions among them, also when one comes, goes or dies. What they count goes to Kafka, where floorwatch hub
reads it. Where Kafka is, and the secret that all workers and gateways share, is said by the environment: see "Cluster" in the README.

\b
Examples:
  floorwatch worker
  floorwatch worker --policy policy.yaml --disorder 2s
  floorwatch worker --vitals 0.0.0.0:9109 --snapshot-every 10s
"""


class EngineShards:
    """Shards of the engine; see streams.kafka.partition.Shards."""

    def __init__(self, settings: Settings, secret: Secret) -> None:
        self._settings = settings
        self._secret = secret

    def begin(self) -> Shard:
        return EngineShard(self._settings, self._secret)

    def restore(self, data: bytes) -> Shard:
        return EngineShard.restore(data, self._settings)


@click.command(help=_HELP)
@click.option("--bootstrap", metavar="HOST:PORT,…", help="Brokers, instead of FLOORWATCH_KAFKA_BOOTSTRAP.")
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the policy, the same for all workers and hubs.  [default: see floorwatch policy default]",
)
@click.option(
    "--negative-words", "words", type=Words(), help="File of words that make a message negative.  [default: ours]"
)
@click.option(
    "--disorder", default="500ms", show_default=True, type=Duration(), help="How far events may be out of order."
)
@click.option("--snapshot-every", default="30s", show_default=True, type=Duration(), help="How often state is saved.")
@click.option(
    "--vitals",
    default="127.0.0.1:9109",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to answer /metrics, /healthz and /readyz about this process; port 0 takes a free one.",
)
def worker(
    bootstrap: str | None,
    policy_path: Path | None,
    words: NegativeWords | None,
    disorder: int,
    snapshot_every: int,
    vitals: str,
) -> None:
    try:
        settings = read_settings(os.environ, bootstrap)
        secret, pseudonyms = secret_of(settings), pseudonyms_of(settings, words)
        host, port = place_of(vitals)
        if disorder <= 1:
            raise SettingsError("--disorder must be longer than nothing.")
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    _, policy = PolicyFile(policy_path).read()
    shards = EngineShards(live_settings(policy, disorder), secret)
    shards.begin()  # Says what it cannot count before anything is claimed.
    pace = Pace(disorder_bound_us=disorder, near_us=disorder // 2, snapshot_s=snapshot_every / 1e6)
    check_topics(settings)
    warm(tell)  # Others would wait for the partitions that this one holds.
    ours = Worker(settings, shards, pseudonyms, tell, pace)
    try:
        server = serve_vitals(ours.vitals, host, port, ours.is_alive)
    except OSError as error:
        raise click.ClickException(f"Cannot listen on {vitals}: {error.strerror or error}; see --vitals.") from None
    tell(f"Health and metrics of this worker are at http://{host}:{server.server_address[1]}/metrics")
    faust.Worker(
        ours.app, loglevel=logging.WARNING, redirect_stdouts=False, quiet=True, override_logging=True
    ).execute_from_commandline()


def tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def check_topics(settings: KafkaSettings) -> None:
    """Raises ClickException where they are missing or are cut into other partitions than the settings say."""
    logging.getLogger("kafka").addHandler(logging.NullHandler())
    try:
        with administration(settings) as client, failures(settings):
            found = [one for one in check(client, settings) if one.what in ("topic", "partitions")]
    except KafkaFailure as error:
        raise click.ClickException(str(error)) from None
    if found:
        one = found[0]
        raise click.ClickException(f"The topic {one.topic} is not as wanted ({one.what}: {one.found}); {one.mend}.")


def place_of(text: str) -> tuple[str, int]:
    """Host and port. Raises SettingsError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise SettingsError(f"{text!r} must be written as host:port, like 127.0.0.1:8080.")
    return host.strip("[]"), int(port)

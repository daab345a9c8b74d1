"""`floorwatch gateway`: the HTTP intake of a cluster, which writes to Kafka.

Owns: the options, the refusals before anything runs, the process around the gateway that the one-machine service has as well, and
its few figures about itself. Never touches an engine, never prints a secret or a token.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import uvicorn
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from streams.gateway import Gateway
from streams.guard import Guard
from streams.intake import Pseudonyms
from streams.kafka.secrets import pseudonyms_of, secret_of
from streams.kafka.senders import Sender
from streams.kafka.settings import KafkaSettings, read_settings
from streams.kafka.worker_command import check_topics, place_of, tell
from streams.negative import NegativeWords
from streams.options import Words
from streams.outages import outage_routes
from streams.refusals import Refusals
from streams.service import server_config, sources_of
from streams.serving import TOKEN_VARIABLE, CannotStart, tls_options
from streams.serving import listen as listener_at
from streams.settings import ServiceSettings, SettingsError, read_token
from streams.sources import Sources
from streams.tokens import read_tokens

__all__ = ["Figures", "gateway"]

ANSWER_S = 10.0
DEFAULT_DATA = Path("data/floorwatch-gateway")

_HELP = """Take events over HTTP, as floorwatch run does, and write them to Kafka; start any number of gateways.

A body is acknowledged once the brokers have all of it. Where Kafka is, and the secret that all workers and gateways share, is said by
the environment: see "Cluster" in the README.

\b
Examples:
  floorwatch gateway
  floorwatch gateway --listen 0.0.0.0:8080 --token-file gateway.token
  floorwatch gateway --listen 127.0.0.1:8081 --tokens tokens.yaml
  floorwatch gateway --listen 0.0.0.0:8443 --token-file gateway.token --tls-cert gateway.pem --tls-key gateway.key
"""


@click.command(help=_HELP)
@click.option("--bootstrap", metavar="HOST:PORT,…", help="Brokers, instead of FLOORWATCH_KAFKA_BOOTSTRAP.")
@click.option(
    "--listen", default="127.0.0.1:8080", show_default=True, metavar="HOST:PORT", help="Others than this machine need a token."
)  # fmt: skip
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=DEFAULT_DATA,
    show_default=True,
    help="Folder of the log of refused access; no event is kept there.",
)
@click.option(
    "--negative-words", "words", type=Words(), help="File of words that make a message negative.  [default: ours]"
)
@click.option(
    "--token-file", type=click.Path(path_type=Path), help=f"File with the access token; or set {TOKEN_VARIABLE}."
)
@click.option(
    "--tokens",
    "tokens_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of tokens, as floorwatch token create writes it.",
)
@tls_options
def gateway(
    bootstrap: str | None,
    listen: str,
    data: Path,
    words: NegativeWords | None,
    token_file: Path | None,
    tokens_path: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
) -> None:
    try:
        kafka = read_settings(os.environ, bootstrap)
        host, port = place_of(listen)
        token = read_token(token_file) if token_file else os.environ.get(TOKEN_VARIABLE) or None
        if tokens_path:
            read_tokens(tokens_path)
        settings = ServiceSettings(
            data=data, host=host, port=port, token=token, tokens=tokens_path, tls_cert=tls_cert, tls_key=tls_key
        )
        sender = Sender(kafka, secret_of(kafka), bytes_max=settings.backlog_bytes_max, answer_s=ANSWER_S)
        pseudonyms = pseudonyms_of(kafka, words)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    check_topics(kafka)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        listener = listener_at(host, port)
    except CannotStart as error:
        raise click.ClickException(str(error)) from None
    with contextlib.closing(listener):
        raise SystemExit(asyncio.run(_serve(kafka, settings, listener, sender, pseudonyms)))


async def _serve(
    kafka: KafkaSettings, settings: ServiceSettings, listener: socket.socket, sender: Sender, pseudonyms: Pseudonyms
) -> int:
    try:
        await sender.start()
    except (KafkaError, ValueError) as error:
        tell(f"Error: {error}")
        return 1
    sources = sources_of(settings)
    intake = Gateway(sender, settings, pseudonyms, sources)
    refusals = Refusals(settings.data / "audit.jsonl")
    routes: list[BaseRoute] = [*intake.routes(), *outage_routes(intake), *_vital_routes(sender, sources)]
    guard = Guard(intake.before(Starlette(routes=routes)), settings, refusals)
    server = uvicorn.Server(server_config(guard, settings, refusals))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    # `_serve` is uvicorn's serving without its signal handlers: the signals are ours.
    serving = asyncio.ensure_future(server._serve([listener]))
    ending = asyncio.ensure_future(ended.wait())
    while not server.started and not serving.done():
        await asyncio.sleep(0.02)
    if server.started:
        host, port = listener.getsockname()[:2]
        scheme = "https" if settings.tls_cert else "http"
        print(f"Events are taken at {scheme}://{host}:{port}/v1/events", flush=True)
        await asyncio.wait((ending, serving), return_when=asyncio.FIRST_COMPLETED)
    failed = serving.done() and not ended.is_set()
    sender.closing = True
    server.should_exit = True
    ending.cancel()
    await asyncio.wait({serving})
    await sender.stop()
    intake.close()
    return 1 if failed else 0


def _vital_routes(sender: Sender, sources: Sources) -> list[BaseRoute]:
    registry = CollectorRegistry()
    registry.register(Figures(sender, sources))

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def alive(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        is_ready = sender.ready and not sender.closing
        return PlainTextResponse("ok\n" if is_ready else "not yet\n", 200 if is_ready else 503)

    return [Route("/metrics", metrics), Route("/healthz", alive), Route("/readyz", ready)]


class Figures(Collector):
    """What the gateway tells about itself, and of the clocks of its sources: nobody else on a cluster knows when their events came."""

    def __init__(self, sender: Sender, sources: Sources) -> None:
        self._sender, self._sources = sender, sources

    def collect(self) -> Iterator[Metric]:
        sent = self._sender.sent
        for name, help_, value in (
            ("events", "Events that the brokers have confirmed.", sent.events),
            ("records", "Records that were written for them.", sent.records),
            ("sent_bytes", "Bytes of these.", sent.bytes),
            ("rejected", "Lines that were refused.", sent.rejected),
            ("busy_answers", "Bodies that were refused because the brokers were behind.", sent.refused_busy),
            ("unknown_answers", "Bodies of which it is not known whether the brokers have them.", sent.unknown),
        ):
            yield CounterMetricFamily(f"floorwatch_gateway_{name}", help_, value=value)
        yield GaugeMetricFamily(
            "floorwatch_gateway_underway_bytes", "Bytes on their way to the brokers.", value=self._sender.underway_bytes
        )
        skews = GaugeMetricFamily(
            "floorwatch_source_skew_seconds",
            "Instant of receipt less an event's own, the middle of the last minute, by source; below zero the source's clock is ahead.",
            labels=("source",),
        )
        self._sources.look(None)
        for row in self._sources.facts()["sources"]:
            if row["skew_s"] is not None:
                skews.add_metric((row["source"],), row["skew_s"])
        yield skews

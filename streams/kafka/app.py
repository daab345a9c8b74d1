"""The Faust application: one agent that is handed stretches of the topic of events.

Owns: how Faust is configured, so that each of its sharp edges points away from us; every choice says why. Never decodes, keeps no
tables, opens no port, creates no topics. Law: `handle` is called with one stretch at a time, in order by partition; whatever
it raises ends the process, because what it did not do must not be committed past.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any

import faust
from faust.auth import SASLCredentials, SSLCredentials
from faust.types import TP, StreamT
from yarl import URL

from streams.kafka.settings import KafkaSettings
from streams.kafka.stretches import Stretch
from streams.kafka.transport import JoiningConsumer, JoiningTransport

__all__ = ["Application", "create_app"]

Handle = Callable[[Stretch], Awaitable[None]]


class _AsIs(faust.Schema[Any, Any]):
    """Hands the value on as the transport made it. There is nothing to decode, so nothing can fail to."""

    def compile(self, app: Any, **_options: Any) -> Any:
        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, None, message)

        return decode


class Application(faust.App):
    """Faust's application with our transport. `joined` are the topics whose records arrive as stretches."""

    joined: frozenset[str] = frozenset()

    def committable(self, tp: TP, processed: int) -> int | None:
        """The offset to commit when all below `processed` is; None for none yet. Committed is only what exceeds the last."""
        return processed

    async def placed(self, consumer: JoiningConsumer) -> None:
        """Reading begins anew: every partition that is assigned stands where it was committed. Here it may be moved."""

    def _create_directories(self) -> None:
        """None: there are no tables, and nothing is left where a worker was started."""

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:
        # Left to itself, Faust would begin the agent anew, which goes on behind what was lost.
        await self.crash(exc)

    def _crash(self, reason: BaseException) -> None:
        """Ends the process at once; Faust has written the reason to the log. Faust's own way to an end waits for streams, and
        what a crashed stream held never comes back, so that the process would stay for ever and do nothing."""
        super()._crash(reason)
        if not self._stopped.is_set():
            logging.shutdown()
            os._exit(1)

    def _new_transport(self) -> JoiningTransport:
        return JoiningTransport(self.conf.broker_consumer, self)


def create_app(settings: KafkaSettings, handle: Handle, kind: type[Application] = Application) -> Application:
    """An application that is not running yet; `faust.Worker` runs it. Nothing is imported or looked for by name."""
    app = kind(
        settings.group,
        broker=[URL(f"kafka://{server}") for server in settings.bootstrap],
        broker_credentials=_credentials(settings),
        broker_client_id="floorwatch",
        broker_request_timeout=settings.request_timeout_s,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 3,
        broker_commit_interval=settings.commit_interval_s,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=settings.fetch_bytes_max,
        broker_max_poll_records=settings.stretch_records_max,
        # It counts messages, of which each is a stretch; Faust's own 4,096 would be gigabytes.
        stream_buffer_maxsize=settings.buffered_stretches_max,
        # What was cancelled or raised was not done, and must be read again.
        stream_ack_cancelled_tasks=False,
        stream_ack_exceptions=False,
        # Its server would listen on every address, and show tables to anyone.
        web_enabled=False,
        # Topics are made by `floorwatch topics create`, with the partitions and the retention of the settings.
        topic_allow_declare=False,
        topic_disable_leader=True,
        # Without tables there is nothing to keep a standby of; then the round-robin assignor is taken, which keeps no state.
        table_standby_replicas=0,
        store="memory://",
        autodiscover=False,
        worker_redirect_stdouts=False,
    )
    app.joined = frozenset({settings.events.name})
    topic = app.topic(settings.events.name, schema=_AsIs(), acks=True, internal=False)

    # More than one at a time would process stretches out of order.
    @app.agent(topic, name="events", concurrency=1)
    async def events(stream: StreamT[Any]) -> None:
        async for stretch in stream:
            await handle(stretch)

    return app


def _credentials(settings: KafkaSettings) -> SASLCredentials | SSLCredentials | None:
    context = settings.tls_context
    if settings.mechanism is not None:
        return SASLCredentials(
            username=settings.user, password=settings.password, mechanism=settings.mechanism, ssl_context=context
        )
    return None if context is None else SSLCredentials(context)

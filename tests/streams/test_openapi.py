"""The description of the API is the one that is checked in, has every path, and is what the running service does."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks
from starlette.routing import BaseRoute, Route

from alerts.routes import alert_routes
from dashboards.wall.server import files_served, routes
from streams.access import path_of
from streams.connectors.live import Live
from streams.gateway import Gateway
from streams.intake import Pseudonyms
from streams.openapi import document, openapi_routes, text
from streams.outages import outage_routes
from streams.policy_routes import policy_routes
from streams.refusals import REASONS
from streams.settings import ServiceSettings
from tests.streams.test_run import Service

ROOT = Path(__file__).parents[2]
TOKEN = "the-token-of-the-service"
SCHEMA = schemathesis.openapi.from_dict(document())
#: Answers without end, and answers that are slow on purpose; tests of their own look at both.
LONG = ("/api/v1/stream", "/login")
CHECKS = [
    checks.not_a_server_error,
    *(checks.CHECKS.get_one(name) for name in (
        "status_code_conformance", "content_type_conformance", "response_headers_conformance", "response_schema_conformance",
    )),
]  # fmt: skip


@schemathesis.serializer("application/x-ndjson", "text/yaml")
def as_it_is(context: Any, value: Any) -> Any:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("described")
    (folder / "token").write_text(TOKEN)
    service = Service(folder / "data", "--token-file", str(folder / "token"), "--alerts", "default")
    yield service
    assert service.end() == 0
    assert "Traceback" not in service.process.communicate()[1]


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        yield session


@SCHEMA.exclude(path=list(LONG)).parametrize()
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_service_does_what_is_described(case: Any, service: Service, session: requests.Session) -> None:
    sent = case.as_transport_kwargs(base_url=service.url)
    answer = session.request(**sent, allow_redirects=False, timeout=60)
    case.validate_response(answer, checks=CHECKS)


def test_the_file_is_what_the_tables_say_and_what_is_served(service: Service) -> None:
    assert (ROOT / "streams/openapi.json").read_text("utf-8") == text()
    assert json.loads(service.get("/api/v1/openapi.json")) == document(), "without any token"


def served() -> list[BaseRoute]:
    """Every route that the service can have; nobody is asked anything."""
    nothing: Any = SimpleNamespace(store=None, plan=None)
    gateway = Gateway(nothing, ServiceSettings(data=Path()), Pseudonyms(b"k" * 32))
    asked = dict.fromkeys(
        (
            "now",
            "facts",
            "metrics",
            "is_alive",
            "is_ready",
            "people",
            "history",
            "screens",
            "scope_of",
            "who",
            "holds",
            "refuse",
        ),
        nothing,
    )
    return [
        *gateway.routes(), *outage_routes(gateway), *policy_routes(nothing, nothing, nothing), *alert_routes(nothing), *openapi_routes(),
        *Live((), Path(), nothing, nothing).routes(), *routes(nothing, **asked),
    ]  # fmt: skip


def test_every_path_is_described_and_nothing_else_is() -> None:
    pages = files_served().keys() - {"/"} | {"/a/style.css"}
    found = {
        (route.path, method) for route in served() if isinstance(route, Route) and route.path not in pages for method in route.methods or ()
    }  # fmt: skip
    told = {(path, method.upper()) for path, operations in document()["paths"].items() for method in operations}
    same = {("/api/v1/alerts/{alert}/{what}", "POST"): ("/api/v1/alerts/{alert}/{act}", "POST")}
    assert {same.get(one, one) for one in found if one[1] != "HEAD"} == told - {("/login", "POST")}


def test_every_path_that_is_described_has_a_right_of_its_own() -> None:
    for path, operations in document()["paths"].items():
        for method in operations:
            if path not in ("/login", "/healthz", "/readyz") and not path.startswith("/a/"):
                plain = path.replace("{", "").replace("}", "")
                assert path_of(method.upper(), plain).name != "other", path


def test_every_reason_of_a_refusal_is_told_with_its_status() -> None:
    told = document()["components"]["responses"]
    for reason, (status, title) in REASONS.items():
        assert f"`{reason}`: {title}." in told[str(status)]["description"]


def test_the_summaries_are_in_both_languages() -> None:
    for operations in document()["paths"].values():
        for operation in operations.values():
            english, chinese = operation["summary"].split(" · ")
            assert english.isascii()
            assert any("\u4e00" <= sign <= "\u9fff" for sign in chinese), operation["summary"]

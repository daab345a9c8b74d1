"""Folder, data source, dashboards and annotations in a Grafana, over its HTTP API: what differs is changed, the rest left alone.

Owns the order, the comparison, and what each refusal means. Never deletes anything. Law: a second push changes nothing, and a dry run
sends nothing but questions.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, TokenAuth
from niquests.exceptions import RequestException

from dashboards.grafana.boards import boards
from dashboards.grafana.model import LANGUAGES, TAG, dashboard
from engine.policy import Policy

__all__ = ["Pushed", "Refused", "push"]

Answer = TypeVar("Answer")

FOLDER = {"uid": "floorwatch", "title": "Floorwatch"}
TIMEOUT_S = 15.0
#: What Grafana adds to what it was given.
_ADDED = ("id", "version")
_HELP = {
    401: "the token is not known; make a service account's token in Grafana and put it into GRAFANA_TOKEN or --token-file",
    403: "the token may not do this; give its service account the role Editor, and for the data source Admin",
    404: "this is not the API of a Grafana 11 or later; check the address, a path such as /grafana included",
    409: "something of this name is there already under another uid; rename or remove it in Grafana",
    412: "somebody changed it in the meantime; run the push again, with --dry-run to see what differs",
}


class Refused(Exception):
    """Grafana cannot be reached or does not take it; the message is one sentence that says what to do."""


@dataclass
class Pushed:
    """What became of each part: its name and `created`, `changed` or `same`; the differences, as a unified diff."""

    outcomes: list[tuple[str, str]] = field(default_factory=list)
    diff: list[str] = field(default_factory=list)

    def note(self, name: str, before: Any, after: Any) -> bool:
        """Whether they differ."""
        outcome = "created" if before is None else "same" if before == after else "changed"
        self.outcomes.append((name, outcome))
        if outcome != "same":
            old, new = ([] if part is None else _lines(part) for part in (before, after))
            self.diff += difflib.unified_diff(old, new, f"grafana/{name}", f"ours/{name}", lineterm="", n=1)
        return outcome != "same"


def _lines(part: Any) -> list[str]:
    return json.dumps(part, ensure_ascii=False, indent=1, sort_keys=True).splitlines()


def push(
    url: str, token: str, policy: Policy, *, prometheus: str, wall: str, languages: tuple[str, ...] = LANGUAGES, dry_run: bool = False
) -> Pushed:  # fmt: skip
    """Upserts everything, or with `dry_run` only says what would be. Raises Refused."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise Refused(f"{url!r} is no address of a Grafana; give one like https://grafana.example:3000")
    grafana = _Grafana(url, token)
    pushed = Pushed()
    _folder(grafana, pushed, dry_run)
    _source(grafana, pushed, prometheus, dry_run)
    for board in boards(policy):
        for language in languages:
            _dashboard(grafana, pushed, dashboard(board, language, policy, wall), dry_run)
    _periods(grafana, pushed, policy, dry_run)
    return pushed


_auth: Any = TokenAuth  # Its signature has no types.


class _Grafana:
    """The client, with its refusals in words."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.api: Any = GrafanaApi.from_url(url, credential=_auth(token), timeout=TIMEOUT_S)

    def ask(self, what: str, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except GrafanaClientError as error:
            taken = error.status_code == 412 and "name-exists" in str(error.response)
            reason = _HELP.get(409 if taken else error.status_code, "see Grafana's own log for why")
            raise Refused(f"Grafana refused {what} with {error.status_code}: {reason}.") from None
        except GrafanaException as error:
            if error.status_code:
                raise Refused(
                    f"Grafana failed at {what} with {error.status_code}: see its own log, and try again."
                ) from None
            raise self._unreached() from None
        except (RequestException, OSError):
            raise self._unreached() from None

    def found(self, what: str, call: Callable[[], Any]) -> Any:
        """None where there is none."""
        try:
            return self.ask(what, call)
        except Refused as refused:
            if "with 404:" in str(refused):
                return None
            raise

    def _unreached(self) -> Refused:
        return Refused(f"No Grafana answers at {self.url}: check the address, and whether it runs.")


def _folder(grafana: _Grafana, pushed: Pushed, dry_run: bool) -> None:
    before = grafana.found("the folder", lambda: grafana.api.folder.get_folder(FOLDER["uid"]))
    # Its title is its owners' matter once it is there.
    kept = None if before is None else FOLDER
    if pushed.note("folder", kept, FOLDER) and not dry_run:
        grafana.ask("the folder", lambda: grafana.api.folder.create_folder(FOLDER["title"], FOLDER["uid"]))


def _source(grafana: _Grafana, pushed: Pushed, prometheus: str, dry_run: bool) -> None:
    wanted = {"uid": "floorwatch", "name": "Floorwatch", "type": "prometheus", "access": "proxy", "url": prometheus,
              "jsonData": {"httpMethod": "POST", "timeInterval": "15s"}}  # fmt: skip
    uid = wanted["uid"]
    sources = grafana.api.datasource
    before = grafana.found("the data source", lambda: sources.get_datasource_by_uid(uid))
    if pushed.note("data source", before and {name: before.get(name) for name in wanted}, wanted) and not dry_run:
        if before is None:
            grafana.ask("the data source", lambda: sources.create_datasource(wanted))
        else:
            grafana.ask("the data source", lambda: sources.update_datasource_by_uid(uid, {**before, **wanted}))


def _dashboard(grafana: _Grafana, pushed: Pushed, wanted: Mapping[str, Any], dry_run: bool) -> None:
    uid = wanted["uid"]
    found = grafana.found(f"the dashboard {uid}", lambda: grafana.api.dashboard.get_dashboard(uid))
    before = found and found["dashboard"]
    if pushed.note(f"dashboard {uid}", before and _own(before), _own(wanted)) and not dry_run:
        # With the version that was compared, so that a change in between is refused and not overwritten.
        version = {"version": before["version"], "id": before.get("id")} if before else {}
        told = {
            "dashboard": {**wanted, **version},
            "folderUid": FOLDER["uid"],
            "overwrite": False,
            "message": "floorwatch dashboards push",
        }
        grafana.ask(f"the dashboard {uid}", lambda: grafana.api.dashboard.update_dashboard(told))


def _own(board: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in board.items() if name not in _ADDED}


def _periods(grafana: _Grafana, pushed: Pushed, policy: Policy, dry_run: bool) -> None:
    """Sale periods as annotations; a period is known by its name, and its times are corrected."""
    if not policy.periods:
        return
    annotations = grafana.api.annotations
    there = grafana.ask("the annotations", lambda: annotations.find_annotations(tags=[TAG, "period"], limit=1_000))
    known = {one["text"]: one for one in there}
    for name, wanted in _wanted_periods(policy):
        before = known.get(name)
        kept = before and {"time": before["time"], "timeEnd": before["timeEnd"]}
        if pushed.note(f"period {name}", kept, wanted) and not dry_run:
            grafana.ask(f"the period {name}", partial(_put_period, annotations, before, name, wanted))


def _put_period(annotations: Any, before: Mapping[str, Any] | None, name: str, wanted: Mapping[str, int]) -> None:
    told = {"time_from": wanted["time"], "time_to": wanted["timeEnd"], "tags": [TAG, "period"], "text": name}
    if before is None:
        annotations.add_annotation(**told)
    else:
        annotations.partial_update_annotation(before["id"], **told)


def _wanted_periods(policy: Policy) -> Iterator[tuple[str, dict[str, int]]]:
    for period in policy.periods:
        yield period.name, {"time": period.start_us // 1000, "timeEnd": period.end_us // 1000}

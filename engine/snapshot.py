"""The engine's whole state as bytes, and back: what was stopped and restored continues as if it had never stopped.

Arrays are written with dtype and shape inside MessagePack; nothing that could run code is ever read. A snapshot fits only
the settings it was made with. It holds the secret of the keys: who may read it may read all that events said anyway.
"""

import hashlib
from collections import Counter
from dataclasses import asdict, astuple
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.agents import ARRAYS as AGENT_ARRAYS
from engine.alarms import Alarm
from engine.clocks import LIFE
from engine.columns import Combinations, Names, Rows
from engine.errors import InvalidSetting
from engine.events import Details
from engine.facts import FIELDS, LEVELS
from engine.keys import KeySet, Secret
from engine.packing import packed, unpacked
from engine.repeats import OF_SLOTS
from engine.tallies import Rollup
from engine.waits import HEAD, RECORD, WAIT
from engine.watermark import Source
from engine.windows import pane_us_of

__all__ = ["fingerprint", "restore", "snapshot"]

_VERSION = 8
_CELL_ARRAYS = ("keys", "places", "sums", "peaks", "longest_us")
_GROUP_ARRAYS = ("group_of", "totals", "base")


def fingerprint(settings: Any) -> str:
    """What must not differ between the engine that wrote a snapshot and the one that reads it."""
    told = (_VERSION, settings.rollups, pane_us_of(list(settings.windows)), FIELDS, LEVELS, settings.linger_us, settings.disorder_bound_us,
            settings.allowed_lateness_us)  # fmt: skip
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def snapshot(engine: Any) -> bytes:
    """The state of an engine between two calls."""
    order, identities = engine.order, engine.identities
    state = {
        "fingerprint": fingerprint(engine.settings),
        "secret": engine.secret.value,
        "sequence": engine.sequence,
        "details": engine.details,
        "reclaimed_us": engine.reclaimed_us,
        "counters": {name: dict(value) if isinstance(value, dict) else value for name, value in vars(engine.counters).items()},
        "order": {
            "floor_us": order.floor_us,
            "forced_count": order.forced_count,
            "numbers": order.numbers,
            "sources": {name: asdict(source) for name, source in order.sources.items()},
            "held": asdict(Rows.concatenated(order.held)) if order.held else None,
        },
        "identities": {
            "generations": [{"of": of, "keys": np.sort(keys.keys())} for of, keys in identities.generations.items()],
            "early_count": identities.early_count,
        },
        "combinations": _combinations(engine.combinations),
        "agents": {
            "names": _names(engine.agents.names), "illegal_count": engine.agents.illegal_count,
            **{name: getattr(engine.agents, name) for name, _, _ in AGENT_ARRAYS},
        },
        "contacts": _contacts(engine.contacts),
        "customers": {name: getattr(engine.customers, name) for name in OF_SLOTS}, "repeats": engine.repeats.state(),
        "responses": _responses(engine.responses),
        "alarms": {"waiting": [astuple(alarm) for alarm in engine.alarms.waiting], "lost_count": engine.alarms.lost_count},
        "back_office": engine.back_office.state(), "misses": engine.misses.state(),
        "tallies": {
            "further": engine.tallies.further,
            "oldest_pane": engine.tallies.oldest_pane, "expired_count": engine.tallies.expired_count,
            "rollups": [_rollup(rollup) for rollup in engine.tallies.rollups],
        },
        "watch": engine.watch.saved(),
    }  # fmt: skip
    return msgspec.msgpack.encode(state, enc_hook=packed)


def restore(engine: Any, data: bytes) -> None:
    """Fills a new engine. Raises InvalidSetting when the snapshot was made with other settings, ValueError when it is broken."""
    state = unpacked(msgspec.msgpack.decode(data))
    if state["fingerprint"] != fingerprint(engine.settings):
        raise InvalidSetting(
            "the snapshot was made with other rollups, windows or bounds; start with an empty data folder or the old settings"
        )
    engine.secret = Secret(state["secret"])
    engine.sequence, engine.reclaimed_us = state["sequence"], state["reclaimed_us"]
    engine.details = msgspec.convert(state["details"], dict[int, Details])
    counters = state["counters"]
    counters["rejected"] = Counter(counters["rejected"])
    for name, value in counters.items():
        setattr(engine.own_counters, name, value)
    order = state["order"]
    engine.order.floor_us, engine.order.forced_count = order["floor_us"], order["forced_count"]
    engine.order.numbers = order["numbers"]
    engine.order.sources = {name: Source(**source) for name, source in order["sources"].items()}
    engine.order.held = [Rows(**order["held"])] if order["held"] else []
    for saved in state["identities"]["generations"]:
        keys = engine.identities.generations[saved["of"]] = KeySet()
        keys.note(saved["keys"], np.zeros(len(saved["keys"]), np.bool_))
    engine.identities.early_count = state["identities"]["early_count"]
    _restore_combinations(engine.combinations, state["combinations"])
    engine.limits.refresh()
    agents = state["agents"]
    _restore_names(engine.agents.names, agents["names"])
    engine.agents.illegal_count = agents["illegal_count"]
    for name, _, _ in AGENT_ARRAYS:
        setattr(engine.agents, name, agents[name])
    _restore_contacts(engine.contacts, state["contacts"])
    for name, values in state["customers"].items():
        setattr(engine.customers, name, values)
    engine.repeats.restore(state["repeats"])
    _restore_responses(engine.responses, state["responses"])
    alarms = state["alarms"]
    engine.alarms.add([_alarm(told) for told in alarms["waiting"]])
    engine.alarms.lost_count = alarms["lost_count"]
    engine.back_office.restore(state["back_office"])
    engine.misses.restore(state["misses"])
    tallies = state["tallies"]
    if tuple(tallies["further"]) != engine.tallies.further:
        raise InvalidSetting(
            "the snapshot was made with other response measures; start with the policy that it was made with"
        )
    engine.tallies.oldest_pane, engine.tallies.expired_count = tallies["oldest_pane"], tallies["expired_count"]
    for rollup, saved in zip(engine.tallies.rollups, tallies["rollups"], strict=True):
        _restore_rollup(rollup, saved)
    engine.watch.restore(state["watch"], engine.contacts, engine.agents)


def _names(names: Names) -> dict[str, Any]:
    return {"texts": names.texts, "overflow_count": names.overflow_count}


def _restore_names(names: Names, saved: dict[str, Any]) -> None:
    names.texts, names.overflow_count = saved["texts"], saved["overflow_count"]
    names.codes = {text: code for code, text in enumerate(names.texts)}


def _combinations(combinations: Combinations) -> dict[str, Any]:
    return {
        "names": [_names(names) for names in combinations.names],
        "saids": list(combinations.said_codes),
        "said_values": combinations.said_values[: len(combinations.said_codes)],
        "values": combinations.values[: len(combinations)],
        "overflow_count": combinations.overflow_count,
    }


def _restore_combinations(combinations: Combinations, saved: dict[str, Any]) -> None:
    for names, texts in zip(combinations.names, saved["names"], strict=True):
        _restore_names(names, texts)
    combinations.said_codes = {tuple(said): code for code, said in enumerate(saved["saids"])}
    combinations.overflow_count = saved["overflow_count"]
    combinations.said_values, combinations.values = saved["said_values"], saved["values"]
    combinations.codes = {tuple(row): code for code, row in enumerate(saved["values"].tolist())}


def _contacts(contacts: Any) -> dict[str, Any]:
    count = len(contacts.names)
    return {
        "names": contacts.names, "free": contacts.free, "illegal_counts": contacts.illegal_counts,
        "refused_count": contacts.refused_count,
        "keys": contacts.keys[:count], "states": contacts.states[:count], "due_us": contacts.due_us[:count],
        "warn_us": contacts.warn_us[:count], "soonest_us": contacts.soonest_us[:count],
        "lives": {name: contacts.lives[name][:count] for name in LIFE.names or ()},
    }  # fmt: skip


def _restore_contacts(contacts: Any, saved: dict[str, Any]) -> None:
    contacts.names, contacts.free = saved["names"], saved["free"]
    contacts.illegal_counts, contacts.refused_count = saved["illegal_counts"], saved["refused_count"]
    for name in ("keys", "states", "due_us", "warn_us", "soonest_us"):
        setattr(contacts, name, saved[name])
    contacts.lives = np.zeros(len(contacts.names), LIFE)
    for name, values in saved["lives"].items():
        contacts.lives[name] = values
    contacts.find_again()
    contacts.look_again()


def _responses(responses: Any) -> dict[str, Any]:
    arrays = {
        "heads": responses.heads, "waits": responses.waits, "records": responses.records_in_use()
    }  # fmt: skip
    return {
        "measures": [measure.name for measure in responses.measures],
        "counts": responses.counts, "soonest_us": responses.soonest_us,
        **{name: {field: array[field] for field in array.dtype.names} for name, array in arrays.items()},
    }  # fmt: skip


def _restore_responses(responses: Any, saved: dict[str, Any]) -> None:
    responses.counts, responses.soonest_us = saved["counts"], saved["soonest_us"]
    responses.heads, responses.waits = _structured(saved["heads"], HEAD), _structured(saved["waits"], WAIT)
    responses.restore_records(_structured(saved["records"], RECORD))
    responses.look_again()


def _structured(saved: dict[str, Any], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """An array with fields, from its fields."""
    array = np.zeros(len(next(iter(saved.values()))), dtype)
    for name, values in saved.items():
        array[name] = values
    return array


def _rollup(rollup: Rollup) -> dict[str, Any]:
    rollup.histograms.settle()
    count = len(rollup.keys)
    return {
        "groups": list(rollup.groups), "overflow_count": rollup.overflow_count,
        **{name: getattr(rollup, name)[:count] for name in _CELL_ARRAYS},
        "group_of": rollup.group_of,
        **{name: getattr(rollup, name)[: max(1, len(rollup.groups))] for name in ("totals", "base")},
        "histogram_keys": rollup.histograms.keys, "histogram_counts": rollup.histograms.counts,
    }  # fmt: skip


def _restore_rollup(rollup: Rollup, saved: dict[str, Any]) -> None:
    rollup.groups = {tuple(values): group for group, values in enumerate(saved["groups"])}
    rollup.overflow_count = saved["overflow_count"]
    for name in (*_CELL_ARRAYS, *_GROUP_ARRAYS):
        setattr(rollup, name, saved[name])
    rollup.histograms.keys, rollup.histograms.counts = saved["histogram_keys"], saved["histogram_counts"]


def _alarm(told: list[Any]) -> Alarm:
    at_us, commitment, step, about, name, since_us, values, more = told
    return Alarm(
        at_us, commitment, step, about, name, since_us, tuple(values), tuple((key, text) for key, text in more)
    )

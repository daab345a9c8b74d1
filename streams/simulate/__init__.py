"""A seeded service centre whose day comes out as events of the public format.

Owns the model of customers, people and queues, the faults that can be laid over its events, and their
delivery. Never imports the engine: what it writes must be judged by somebody who did not write it.
Law: the same centre and the same seed give the same bytes.
"""

from streams.simulate.centre import PRESETS, Centre, preset
from streams.simulate.faults import Faults, Silence, Skew, apply_faults
from streams.simulate.model import events, records

__all__ = ["PRESETS", "Centre", "Faults", "Silence", "Skew", "apply_faults", "events", "preset", "records"]

"""All questions that the table answers, in its order. Owns nothing but the order."""

from __future__ import annotations

from benchmarks import scaling, state, throughput
from benchmarks.figures import Benchmark
from benchmarks.peers import question as peers
from benchmarks.quoted import QUOTED

__all__ = ["QUESTIONS"]

QUESTIONS: tuple[Benchmark, ...] = (
    Benchmark("engine", "How fast is the engine beside bare decoding?", throughput.figures),
    Benchmark("peers", "How fast from Kafka, beside others and beside the limit?", peers.figures),
    Benchmark("cost", "What does an event cost as things grow?", scaling.cost_figures),
    Benchmark("workers", "Does an event cost the same with more workers?", scaling.worker_figures),
    Benchmark("memory", "What does an open contact take?", state.memory_figures),
    Benchmark("start", "How long does an empty service take to start?", state.start_figures),
    Benchmark("recovery", "How long does a killed service take, and a killed worker?", state.recovery_figures),
    *QUOTED,
)

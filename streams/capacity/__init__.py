"""Capacity for people: plans, checks against what happened, and what is needed now. The models are `engine.capacity`."""

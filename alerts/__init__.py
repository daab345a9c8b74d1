"""Escalation: from what the engine raised to the person who acts. Knows the engine's alarms, and nothing else of ours."""

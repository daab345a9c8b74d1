"""Tests of escalation: the scenarios that it must go through, and its parts one by one."""

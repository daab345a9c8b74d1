"""Capacity: models of queues, people needed, estimates and forecasts; arrays in, arrays out, nothing kept."""

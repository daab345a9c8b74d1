"""Grafana dashboards as code: what they show, in two languages, and the JSON that Grafana reads."""

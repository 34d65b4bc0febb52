"""The Grafana dashboards as code; `python -m deploy.grafana.builder` writes them as JSON."""

"""A Prometheus with the repository's own rules."""

import json
import urllib.parse
import urllib.request
from pathlib import Path

import yaml
from ports import free_port

from monitor.demo.servers import LocalServer

REPOSITORY = Path(__file__).resolve().parents[2]


class RulesPrometheus(LocalServer):
    """A Prometheus with the repository's own rules and job, at a quicker pace.

    Args:
        directory: For its files.
        station: host:port of the station; None for no target.
        alertmanager: host:port; None for none.
    """

    def __init__(self, directory, station, alertmanager=None):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = yaml.safe_load((REPOSITORY / "deploy/prometheus/prometheus.yml").read_text())
        self.config["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="1s")
        self.config["rule_files"] = [str(REPOSITORY / "deploy/prometheus/rules/*.yml")]
        self.config["alerting"] = {
            "alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}] if alertmanager else []
        }
        [job] = self.config["scrape_configs"]
        del job["file_sd_configs"]
        job["static_configs"] = [{"targets": [station]}] if station else []
        file = directory / "prometheus.yml"
        file.write_text(yaml.safe_dump(self.config))
        options = [f"--config.file={file}", f"--storage.tsdb.path={directory / 'data'}"]
        super().__init__(
            "prometheus", ["prometheus", *options, f"--web.listen-address=127.0.0.1:{self.port}"], directory
        )

    def answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path, **query):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def rows(self, expression):
        """Labels and value of every series of an expression's result now."""
        data = self.ask("/api/v1/query", query=expression)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(row["metric"], float(row["value"][1])) for row in data["result"]]

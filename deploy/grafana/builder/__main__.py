"""Write every dashboard as provisioned JSON, from the root of the repository: `python -m deploy.grafana.builder`."""

import json
from pathlib import Path

import click
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.builder.bed import bed_dashboard
from deploy.grafana.builder.fleet import fleet_dashboard
from deploy.grafana.builder.station import station_dashboard

_DASHBOARDS = {"fleet": fleet_dashboard, "station": station_dashboard, "bed": bed_dashboard}


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(__file__).resolve().parents[1] / "dashboards",
    help="Directory for the files.",
)
def main(out: Path) -> None:
    """Write fleet.json, station.json and bed.json."""
    out.mkdir(parents=True, exist_ok=True)
    for name, build in _DASHBOARDS.items():
        text = json.dumps(build(), cls=JSONEncoder, indent=1, sort_keys=True)
        (out / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

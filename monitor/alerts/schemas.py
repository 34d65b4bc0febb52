"""The JSON schemas of what this program sends and takes, as files: `python -m monitor.alerts.schemas DIRECTORY`."""

import json
import sys
from pathlib import Path

from monitor.alerts.record import alert_json_schema
from monitor.control.requests import command_json_schema

__all__ = ["main", "schema_files"]


def schema_files() -> dict[str, str]:
    """Return file name to content, for configs/schemas/."""
    schemas = {"alert.schema.json": alert_json_schema(), "command.schema.json": command_json_schema()}
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in schemas.items()}


def main(arguments: list[str]) -> None:
    """Write the files into the directory that is named."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.exit("usage: python -m monitor.alerts.schemas DIRECTORY, which must exist, such as configs/schemas")
    for file_name, text in schema_files().items():
        (Path(arguments[0]) / file_name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

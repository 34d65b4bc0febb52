"""Writes configs/schemas/bundle.schema.json: `python -m export.schema`."""

import json
from pathlib import Path

from monitor.inference.manifest import BundleManifest

__all__ = ["bundle_schema"]


def bundle_schema() -> str:
    """Return the JSON schema of bundle.json, as text."""
    schema = BundleManifest.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "bundle.json of nicu-pain-monitor, version 1"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    target = Path(__file__).parent.parent / "configs" / "schemas" / "bundle.schema.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(bundle_schema(), encoding="utf-8")

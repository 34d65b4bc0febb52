"""Runs models: engines and the bundles they come in."""

import sys

# OpenVINO reports its import to its makers over the network, from a thread that forks, and asks nobody; without this
# package it reports nothing. A station speaks to nobody whom its configuration does not name.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

"""Runs models: engines and the bundles they come in."""

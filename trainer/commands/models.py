"""`nicu-trainer models`: which recipes and networks there are."""

import json

import click

from monitor.cli_framework import examples
from trainer.models import RECIPES

__all__ = ["command"]


@click.command(name="models", epilog=examples("nicu-trainer models", "nicu-trainer models --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def command(*, as_json: bool) -> None:
    """List the models that can be trained, and the networks that they are made of."""
    from trainer.networks import architectures

    registry = architectures()
    if as_json:
        recipes = {name: entry.summary for name, entry in RECIPES.items()}
        networks = {name: registry[name].summary for name in registry.names}
        click.echo(json.dumps({"recipes": recipes, "networks": networks}, indent=2))
        return
    click.echo("Recipes (--model):")
    for name, entry in RECIPES.items():
        click.echo(f"  {name:20} {entry.summary}")
    click.echo("Networks:")
    for name in registry.names:
        click.echo(f"  {name:20} {registry[name].summary}")

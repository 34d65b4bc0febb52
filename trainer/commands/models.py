"""`nicu-trainer models`: which recipes and networks there are."""

import click

from trainer.models import RECIPES
from trainer.networks import architectures

__all__ = ["command"]


@click.command(name="models")
def command() -> None:
    """List the models that can be trained, and the networks that they are made of."""
    click.echo("Recipes (--model):")
    for name, entry in RECIPES.items():
        click.echo(f"  {name:20} {entry.summary}")
    click.echo("Networks:")
    registry = architectures()
    for name in registry.names:
        click.echo(f"  {name:20} {registry[name].summary}")

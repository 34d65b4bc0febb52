"""How good a model is, with how much certainty."""

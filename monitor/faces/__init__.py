"""Finds, follows and cuts out the infant's face."""

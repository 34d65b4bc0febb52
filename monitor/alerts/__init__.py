"""The record that leaves the program: one change of one alarm condition."""

"""Measures a whole station on real streams: rates, ages, drops, CPU time a stage, memory, and how many beds fit."""

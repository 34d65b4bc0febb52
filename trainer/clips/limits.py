"""What chosen alarm settings are held to where nothing else is asked for; light, for a command's help."""

__all__ = ["MOST_ALARM_TIME"]

MOST_ALARM_TIME = 0.05
"""Share of the time without pain that may be spent in alarm."""

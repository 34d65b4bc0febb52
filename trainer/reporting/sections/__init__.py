"""The parts of a report, each a function from the comparison to a section."""

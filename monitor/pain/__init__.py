"""From pain scores to alarm conditions: pure logic, no I/O, no clock of its own."""

"""The array engine: the same rules on float64, compiled. Needs the extra `array`."""

"""Timings against budgets: `uv run --group dev python -m bench`. A measurement, not a test."""

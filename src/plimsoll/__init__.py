"""Plimsoll: an exact margin engine for leveraged crypto trading."""

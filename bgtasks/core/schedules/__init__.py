"""Schedules, pure and synchronous: when ticks come, and what is decided when one has come."""

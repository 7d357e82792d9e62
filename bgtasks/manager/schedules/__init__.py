"""Schedules of a running manager: registering them, submitting at their ticks, controlling them."""

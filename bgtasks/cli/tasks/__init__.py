"""The commands on tasks, on their types and on schedules, from a terminal."""

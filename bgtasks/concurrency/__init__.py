"""Loops that outlive errors, threads of one's own, and the pace of long work."""

"""Connections to other libraries, each of which is an extra of the package."""

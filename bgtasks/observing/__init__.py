"""The subscribers of changes inside this process."""

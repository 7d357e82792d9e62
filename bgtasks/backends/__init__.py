"""Where tasks live. ``base`` is the contract; each sub-package keeps it with another store."""

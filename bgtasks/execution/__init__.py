"""One attempt: its scope, its run, its outcome."""

"""The same done to many tasks, for requesters over HTTP."""

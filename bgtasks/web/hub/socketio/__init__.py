"""The hub's clients that speak Socket.IO over a websocket: all that knows the protocol library."""

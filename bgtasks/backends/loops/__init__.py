"""The loops that all stores share: what happens to tasks, whatever keeps them."""

"""What a task is: pure, synchronous, without I/O."""

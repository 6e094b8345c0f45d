"""What a worker does, from asking for a call to its settlement."""

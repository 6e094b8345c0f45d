"""What a worker does, from the wake-up to the settlement."""

"""What is told about the work: logs, metrics, task events, Flower."""

"""The edge to the provider; the only place that imports requests."""

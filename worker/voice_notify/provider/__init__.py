"""The only place that speaks to the provider, and that imports requests."""

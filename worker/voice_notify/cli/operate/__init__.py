"""`voice-notify doctor`, `health`, `metrics` and `stats`: how the installation is doing."""

"""`voice-notify send`, `status`, `explain`, `cancel` and `list`: notifications, one or many."""

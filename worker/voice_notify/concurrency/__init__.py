"""Threads that work in the background (`background.py`), and a flag that forked processes share (`shared_flag.py`)."""

"""`python -m voice_notify.demo`."""

import sys

from voice_notify.cli import main

main(["demo", *sys.argv[1:]], prog_name="voice-notify")

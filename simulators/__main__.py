"""`python -m simulators KIND`: what `gateway simulate KIND` runs."""

import sys

from simulators.command import run

sys.exit(run(sys.argv[1:]))

"""`python -m service` is `gan1010 serve`."""

import sys

from service.cli import app

app(["serve", *sys.argv[1:]], prog_name="python -m service")

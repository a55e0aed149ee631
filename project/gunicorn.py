"""How gunicorn serves the site: `gunicorn --config python:project.gunicorn project.wsgi`.

What the command line says wins over it. `.env` is not read here: a reload would then keep the old
values of everything in it.
"""

import os

# A sync worker must send a whole answer within gunicorn's timeout and serves nobody meanwhile: a
# large export, or one that is read slowly, would be cut off. Here the timeout is for the worker
# alone, which stays alive beside whatever its threads do.
worker_class = "gthread"

# Answers at once for each worker. A reader of an export holds a thread until the end, mostly
# waiting for the network, so there are more than cores. Each holds a database connection too:
# DATABASE_POOL, where it is set, must have room for all of them.
threads = 8

# Two, so that one still answers while the other starts again. gunicorn's own variable decides, for
# a machine of more cores; its own default is one.
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))

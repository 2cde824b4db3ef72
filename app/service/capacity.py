"""How much one worker process does at once.

Whatever requests wait for, a database or a bucket, the load balancer's health check must find a free thread: otherwise
a lost dependency would cost the fleet its hosts as well.
"""

# Requests that are worked on. The pool has a database connection for each of them.
CONCURRENCY = 4
# Requests that may wait for one of those to end, and for how long.
WAITING = 59
PATIENCE_SECONDS = 3.0
# One more, which never waits.
THREADS = CONCURRENCY + WAITING + 1

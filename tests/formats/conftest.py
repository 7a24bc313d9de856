import os

# Threads that wait for each other on a busy machine take longer than the work itself.
os.environ.setdefault("OMP_NUM_THREADS", "1")

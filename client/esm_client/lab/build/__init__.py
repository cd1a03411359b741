"""Many ESMs from one plan.

plan.py says what is wanted · jobs.py names each piece of it · workers.py keeps a process per
device, worker.py is what runs there · build.py leads the whole, report.py tells how it went.
"""

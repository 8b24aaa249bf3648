"""`rpo run`: a protocol's experiments, listed, run one process each, and continued where they were.

`protocols` and `presets` say what is to be run and how, `cases` lists it, `jobs` makes `rpo train`
commands of it, `state` knows what is finished, `work` does one job in a process, `pool` runs
several at once, and `command` shows how it goes.
"""

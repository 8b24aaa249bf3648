"""`rpo run --on slurm`: jobs in array tasks, each of which is `rpo.experiments.pool` on a node.

`settings` is what a lab writes down of its cluster, `controller` asks SLURM, `packing` makes array
tasks of jobs, `records` notes which, `submit` hands them over by submitit, and `task` is what then
runs on a node. What has become of a run is said by its folder alone, never by SLURM's accounting.
"""

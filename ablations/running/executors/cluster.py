"""What executors on clusters have in common: what each run takes of it."""

from ablations.running.site_file import Ray, Slurm

CORES_PER_PROCESS = 4


class ClusterExecutor:
    """An executor whose runs take GPUs, processes and cores as the site says.

    Args:
        options: the site's.
        runs: how many there are to do.
    """

    def __init__(self, options: Slurm | Ray, runs: int) -> None:
        self.slots = min(options.jobs, max(runs, 1))
        self.gpus = options.gpus_per_run
        self.processes = options.processes_per_run or max(options.gpus_per_run, 1)
        self.cores = options.cpus_per_run or CORES_PER_PROCESS * self.processes

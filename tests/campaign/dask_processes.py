"""A dask scheduler and workers as processes of their own on this machine."""

import json
import subprocess
import sys

from waiting import wait_until


class DaskProcesses:
    """A scheduler, and the workers that are started later; all ended at the end."""

    def __init__(self, folder, environment):
        self._folder = folder
        self._environment = environment
        self._file = folder / "scheduler.json"
        self._started = []

    def __enter__(self):
        self._start("dask_scheduler", "--port", "0")
        wait_until(lambda: self._file.exists() and self._file.read_text("utf-8"))
        self.address = json.loads(self._file.read_text("utf-8"))["address"]
        return self

    def __exit__(self, *_):
        for process in self._started:
            process.kill()
            process.wait()

    def start_worker(self, *options):
        return self._start("dask_worker", "--nthreads", "1", "--memory-limit", "0", *options)

    def _start(self, module, *options):
        command = [sys.executable, "-m", f"distributed.cli.{module}", *options]
        command += ["--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(self._file)]
        with (self._folder / f"{module}-{len(self._started)}.log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=self._folder, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        self._started.append(process)
        return process

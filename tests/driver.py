"""A run over a folder, as a program whose environment tells it when to die."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hashing import failed, hash_file, processed

from images.jobs import Job, peak_memory
from images.shards import How, run


def start(folder: Path, out: Path, log: Path, workers: int, **disturbance: object) -> int:
    """Run this file in a process of its own; return its exit status."""
    disturbed = {**os.environ, **{key: str(value) for key, value in disturbance.items()}}
    command = [sys.executable, __file__, str(folder), str(out), str(log), str(workers)]
    return subprocess.run(command, env=disturbed, timeout=60, check=False).returncode


class Disturbed:
    """`hash_file`, and what befalls it."""

    def __init__(self, log: Path, parent: int) -> None:
        self.log, self.parent = log, parent

    def __setstate__(self, state: dict[str, object]) -> None:
        """Arrive in a worker, or fail to."""
        if "UNIMPORTABLE" in os.environ:
            sys.exit(1)
        self.__dict__.update(state)

    def __call__(self, folder: Path, path: str) -> tuple[dict[str, object], dict[str, float]]:
        environment = os.environ
        if "WORDY" in environment:
            return {"path": path, "status": "ok", "decision": None, "words": "w" * 4000}, {}
        if pids := environment.get("PIDS"):
            with Path(pids).open("a") as lines:
                lines.write(f"{os.getpid()}\n")
        answer = hash_file(folder, path, self.log)
        calls = len(processed(self.log))
        if calls >= int(environment.get("KILL_AT_FILE", 10**9)):
            os.kill(self.parent, signal.SIGKILL)
        if calls >= int(environment.get("INTERRUPT_AT_FILE", 10**9)):
            os.kill(self.parent, signal.SIGINT)
            time.sleep(float(environment["SLOW"]))
        return answer


def kill_before(step: int) -> Callable[[], int]:
    """Die at the n-th audited rename or removal: Python announces each before it is made.

    Returns how to ask for the number of them so far.
    """
    steps = 0

    def hook(event: str, _: tuple[object, ...]) -> None:
        nonlocal steps
        if event in ("os.rename", "os.remove", "os.rmdir"):
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return lambda: steps


def main(folder: str, out: str, log: str, workers: str) -> int:
    if step := os.environ.get("KILL_BEFORE_STEP"):
        kill_before(int(step))
    if limit := os.environ.get("FILE_LIMIT"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    process = Disturbed(Path(log), os.getpid())
    try:
        how = How(retry="RETRY" in os.environ)
        run(Job(Path(folder), Path(out), process, failed, {}), int(workers), how=how)
    except KeyboardInterrupt:
        return 130
    except ValueError:
        return os.EX_DATAERR
    except OSError:
        return os.EX_IOERR
    if peak := os.environ.get("PEAK"):
        Path(peak).write_text(str(peak_memory()))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

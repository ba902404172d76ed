"""Who does the shards of a run: this process, or processes that it watches over.

An engine is any function that has `process_shard` called on every shard and yields the receipts
as they come. All that makes a run safe, whole shards and receipts on the disk, is in that call, so
that engines may be killed, exchanged and mixed. `images.ray_engine` is one over many machines.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from images.jobs import Receipt, Shard, Task, file_by_file, process_shard
from images.workers import answers

Receipts: TypeAlias = Generator[Receipt, None, None]
Engine: TypeAlias = Callable[[Task, Iterator[Shard], int], Receipts]
"""``engine(task, shards, workers)``; shards are drawn when a worker is free for one."""


def local(task: Task, shards: Iterator[Shard], workers: int) -> Receipts:
    """Do shards on this machine: one worker is this process, more are a `pool`.

    In this process there are no limits: a file may crash it or hold it up for ever.

    Raises
    ------
    OSError
        If a shard cannot be committed, or no process can take the place of a dead one.
    """
    if workers > 1:
        yield from pool(task, shards, workers)
        return
    for shard in shards:
        yield process_shard(task, shard)


def pool(task: Task, shards: Iterator[Shard], workers: int) -> Receipts:
    """Do shards in processes of their own, each of which is replaced when it dies.

    Its shard is done again file by file, and the file that kills it again gets a record that says
    so.
    """
    task = replace(task, limited=True)
    yield from answers(partial(process_shard, task), shards, workers, partial(file_by_file, task))

"""The processes that train one network together: one, or those that torchrun started.

    torchrun --nproc-per-node 8 -m compare.cli convnet train ...

Every process holds the whole network and a share of each batch; torch averages the gradients.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """One process among those that train together.

    Attributes
    ----------
    rank, world : int
        Its number, from 0, and how many there are.
    device : torch.device
        On which it computes.
    """

    rank: int
    world: int
    device: torch.device

    def mine(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return this process's share of a batch."""
        return indices[self.rank :: self.world]

    def sum(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the sum of an array over all processes, the same to the bit in each."""
        if self.world == 1:
            return values
        total = torch.from_numpy(values.copy()).to(self.device)
        dist.all_reduce(total)
        summed: npt.NDArray[np.float64] = total.cpu().numpy()
        return summed

    def from_first(self, value: T) -> T:
        """Return what process 0 has."""
        box = [value]
        if self.world > 1:
            dist.broadcast_object_list(box)
        return box[0]

    def together(self, net: nn.Module) -> nn.Module:
        """Return the network with its gradients averaged over the processes."""
        return net if self.world == 1 else DistributedDataParallel(net)


@contextmanager
def ranks(device: str = "auto") -> Iterator[Ranks]:
    """Join the processes that torchrun started, or be the only one.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda``, ``mps``; or ``auto``, for CUDA where there is a card, Apple's MPS
        where there is one and a single process, and otherwise the CPU.
    """
    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    chosen = device_of(device)
    if world == 1:
        yield Ranks(0, 1, chosen)
        return
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(chosen)
    elif chosen.type == "mps":
        chosen = torch.device("cpu")  # torch.distributed knows no MPS
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Ranks(rank, world, chosen)
        dist.barrier()  # nobody leaves while another still needs them
    finally:
        dist.destroy_process_group()
        # Gloo's threads end with the group, and the group with the last network that knows it. A
        # thread that outlives the interpreter aborts the process, its work done.
        gc.collect()


def device_of(name: str) -> torch.device:
    """Return the device of that name, or for ``auto`` the fastest there is.

    Raises
    ------
    ValueError
        If there is no such device here.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, is_there in there.items() if is_there))
    if not there.get(name):
        here = ", ".join(kind for kind, is_there in there.items() if is_there)
        raise ValueError(f"expected a device that is here, auto or {here}, got {name}")
    return torch.device(name)

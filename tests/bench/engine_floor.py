"""The least time a GPU needs for a map: its bytes brought there once, and its arithmetic.

Both rates are measured on the very GPU: double precision products of large matrices, and copies
from this machine's memory.
"""

import time


class Floor:
    """Rates of a device (torch), for maps of one dimension."""

    def __init__(self, dimension: int, device: str) -> None:
        import torch

        self.dimension = dimension
        big = torch.rand(8192, 8192, dtype=torch.float64, device=device)
        out = torch.empty_like(big)
        self.flops = 2 * 8192**3 / _best(lambda: torch.matmul(big, big, out=out), device)
        host = torch.empty(2**28, dtype=torch.uint8, pin_memory=True)
        there = torch.empty_like(host, device=device)
        self.bandwidth = 2**28 / _best(lambda: there.copy_(host), device)
        print(
            f"{torch.cuda.get_device_name(device)}: {self.flops / 1e12:.1f} TFLOP/s in double "
            f"precision, {self.bandwidth / 1e9:.1f} GB/s from memory"
        )

    def seconds(self, rank: int, columns: int) -> float:
        """A map's: full (rank 0, float32), or of a rank (half precision)."""
        d = self.dimension
        if rank:
            moved = 2 * (2 * d * rank + d)
            # two products with the basis, then one evaluation of the profile
            arithmetic = 4 * d * d * rank + 2 * d * (2 * rank) * (2 * rank + columns)
        else:
            moved = 4 * (d * d + d)
            # mapped features, half of their Gram matrix, one Cholesky factor, all columns solved
            arithmetic = 2 * d**3 + d**3 + d**3 / 3 + d * d * columns
        return max(moved / self.bandwidth, arithmetic / self.flops)


def _best(run, device: str) -> float:
    import torch

    found = []
    for _ in range(6):
        torch.cuda.synchronize(device)
        started = time.perf_counter()
        run()
        torch.cuda.synchronize(device)
        found.append(time.perf_counter() - started)
    return min(found)

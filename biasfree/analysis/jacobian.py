"""The Jacobian of a denoiser at an image, as an operator.

For a network without additive constants ``f(y) = A_y y`` with ``A_y`` its Jacobian at y (Mohan et al., ICLR 2020,
section 4; the report, section 5). Shape letters: B vectors, C channels, H, W, N = C*H*W.
"""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import torch

from biasfree.analysis.linearisation import Linearisation, Relus
from biasfree.analysis.window import Window
from biasfree.architectures import Network

#: Minimum side, in pixels, of the squares whose columns of A are computed together; the network's stride if larger.
#: Small squares stay in small windows for longer; large ones fill the convolutions. Speed on a 40 x 40 patch, against
#: one backward pass per pixel: squares of 4, 8 and 10 made the shipped network 7.3, 9.1 and 9.3 times as fast; squares
#: of 4 and 8 made a DnCNN, which works at full resolution, 4.2 and 3.5 times as fast.
BLOCK_SIDE_PX = 4
#: Assumed number of feature maps of the largest layer in memory at once; measured for the shipped network: 5.
LAYERS_HELD = 8


class OutOfMemoryBudget(ValueError):
    """The matrix does not fit in the memory allowed for it."""


class Jacobian:
    """The Jacobian A_y of a network at y, linearized once for all products.

    Args:
        network: In evaluation mode. With additive constants, A is still its Jacobian, and ``net_bias`` the remainder.
        noisy: y (C, H, W), of the network's dtype (float32 or float64) and device.

    Attributes:
        noisy: y.
        denoised: f(y) (C, H, W).

    Raises:
        TypeError: The network uses a function that is not known to be linear.
    """

    def __init__(self, network: Network, noisy: torch.Tensor) -> None:
        self._linear = Linearisation(network, noisy)
        self._block_side = max(BLOCK_SIDE_PX, network.stride)
        self.noisy, self.denoised = noisy, self._linear.denoised

    @property
    def size(self) -> int:
        """Return N, where A is N x N."""
        return self.noisy.numel()

    @property
    def vector_bytes(self) -> int:
        """Estimate the memory that one vector takes in the network, from its largest layer and the image."""
        largest = max((relus.preactivations.numel() for relus in self.relus), default=0)
        return LAYERS_HELD * max(largest, self.size) * self.noisy.element_size()

    @property
    def relus(self) -> list[Relus]:
        """Return every layer of ReLUs at y, in call order."""
        return self._linear.relus

    @torch.no_grad()
    def matvec(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return ``A v`` for each vector of a block.

        Args:
            vectors: (B, C, H, W), dtype and device of ``noisy``.

        Returns:
            (B, C, H, W).
        """
        return self._linear(vectors)

    def rmatvec(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return ``A^T u`` for each vector of a block; shapes as in ``matvec``."""
        with torch.no_grad():
            (products,) = torch.func.vmap(self._pull_back)(vectors[:, None])
            return products[:, 0]

    @cached_property
    def net_bias(self) -> torch.Tensor:
        """Return ``f(y) - A y`` (C, H, W): rounding error if the network has no additive constants."""
        return self.denoised - self.matvec(self.noisy[None])[0]

    @torch.no_grad()
    def dense(self, *, memory_bytes: int) -> torch.Tensor:
        """Compute all of A exactly.

        Args:
            memory_bytes: Memory limit for the matrix and the blocks it is computed from.

        Returns:
            (N, N): row i is the gradient of output value i; rows and columns follow the order of (C, H, W).

        Raises:
            OutOfMemoryBudget: The matrix alone exceeds the limit.
        """
        channels, height, width = self.noisy.shape
        needed = self.size**2 * self.noisy.element_size()
        if needed > memory_bytes:
            raise OutOfMemoryBudget(
                f"the Jacobian of {self.size} values takes {needed} bytes, more than the limit of {memory_bytes}: "
                "use a smaller patch or method=iterative"
            )
        transposed = self.noisy.new_empty((channels, height, width, self.size))

        def fill(block: Window) -> None:
            with torch.no_grad():
                columns = self._columns(block)
                transposed[:, block.rows, block.columns] = columns

        for _ in self._concurrently(fill, _blocks(height, width, self._block_side)):
            pass
        return transposed.view(self.size, self.size).T

    def _columns(self, block: Window) -> torch.Tensor:
        """Return the columns of A for the pixels of a block, (C, h, w, N)."""
        sides = (self.noisy.shape[0], block.bottom - block.top, block.right - block.left)
        count = sides[0] * sides[1] * sides[2]
        identity = torch.eye(count, dtype=self.noisy.dtype, device=self.noisy.device)
        return self._linear(identity.view(count, *sides), block).reshape(*sides, self.size)

    def _concurrently(self, call: Callable[[Window], None], blocks: Iterator[Window]) -> Iterator[None]:
        """Process blocks in one thread per core on the CPU, which avoids a barrier after every small operation."""
        threads = torch.get_num_threads() if self.noisy.device.type == "cpu" else 1
        if threads == 1:
            yield from map(call, blocks)
            return
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from pool.map(call, blocks)

    @cached_property
    def _pull_back(self) -> Callable[[torch.Tensor], tuple[torch.Tensor]]:
        """Return the adjoint of the linear map, from one reverse-mode pass over it at zero."""
        pull_back: Callable[[torch.Tensor], tuple[torch.Tensor]]
        pull_back = torch.func.vjp(self._linear, torch.zeros_like(self.noisy)[None])[1]
        return pull_back


def _blocks(height: int, width: int, side: int) -> Iterator[Window]:
    """Yield squares that cover an image."""
    for top, left in itertools.product(range(0, height, side), range(0, width, side)):
        yield Window(top, left, min(top + side, height), min(left + side, width))

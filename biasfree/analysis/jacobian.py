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

#: Least side in pixels of the squares whose columns of A are computed together; a network's stride where that is more.
#: Small squares stay longer in small windows, large ones fill the convolutions. On a 40 x 40 patch squares of 4, 8 and
#: 10 made the shipped network 7.3, 9.1 and 9.3 times as fast as one backward pass a pixel, and those of 4 and 8 a
#: DnCNN, which works at full resolution, 4.2 and 3.5 times.
BLOCK_SIDE_PX = 4
#: Feature maps of the largest layer that are taken to be there at once; the shipped network was seen to hold 5.
LAYERS_HELD = 8


class OutOfMemoryBudget(ValueError):
    """The matrix does not fit into the memory that it was given."""


class Jacobian:
    """A_y of a network at y: the network is linearised once, and every product is made from that.

    Args:
        network: In evaluation mode. With additive constants, A is still its Jacobian, and ``net_bias`` what is left.
        noisy: y (C, H, W), of the network's dtype (float32 or float64) and device.

    Attributes:
        noisy: y.
        denoised: f(y) (C, H, W).

    Raises:
        TypeError: The network does something that is not known to be linear.
    """

    def __init__(self, network: Network, noisy: torch.Tensor) -> None:
        self._linear = Linearisation(network, noisy)
        self._block_side = max(BLOCK_SIDE_PX, network.stride)
        self.noisy, self.denoised = noisy, self._linear.denoised

    @property
    def size(self) -> int:
        """N: A is N x N."""
        return self.noisy.numel()

    @property
    def vector_bytes(self) -> int:
        """About what a vector takes on its way through the network: a few of the largest layer, and of the image."""
        largest = max((relus.preactivations.numel() for relus in self.relus), default=0)
        return LAYERS_HELD * max(largest, self.size) * self.noisy.element_size()

    @property
    def relus(self) -> list[Relus]:
        """Every layer of ReLUs at y, in the order of the calls."""
        return self._linear.relus

    @torch.no_grad()
    def matvec(self, vectors: torch.Tensor) -> torch.Tensor:
        """``A v`` for each of a block of vectors.

        Args:
            vectors: (B, C, H, W), dtype and device of ``noisy``.

        Returns:
            (B, C, H, W).
        """
        return self._linear(vectors)

    def rmatvec(self, vectors: torch.Tensor) -> torch.Tensor:
        """``A^T u`` for each of a block of vectors; shapes as ``matvec``."""
        with torch.no_grad():
            (products,) = torch.func.vmap(self._pull_back)(vectors[:, None])
            return products[:, 0]

    @cached_property
    def net_bias(self) -> torch.Tensor:
        """``f(y) - A y`` (C, H, W): rounding for a network without additive constants."""
        return self.denoised - self.matvec(self.noisy[None])[0]

    @torch.no_grad()
    def dense(self, *, memory_bytes: int) -> torch.Tensor:
        """All of A, exactly.

        Args:
            memory_bytes: What the matrix and the blocks that it is made of may take.

        Returns:
            (N, N): row i is the gradient of output value i, both counted through (C, H, W).

        Raises:
            OutOfMemoryBudget: The matrix alone takes more.
        """
        channels, height, width = self.noisy.shape
        needed = self.size**2 * self.noisy.element_size()
        if needed > memory_bytes:
            raise OutOfMemoryBudget(
                f"a Jacobian of {self.size} values takes {needed} bytes, allowed are {memory_bytes}"
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
        """The columns of A for the pixels of a block, (C, h, w, N)."""
        sides = (self.noisy.shape[0], block.bottom - block.top, block.right - block.left)
        count = sides[0] * sides[1] * sides[2]
        identity = torch.eye(count, dtype=self.noisy.dtype, device=self.noisy.device)
        return self._linear(identity.view(count, *sides), block).reshape(*sides, self.size)

    def _concurrently(self, call: Callable[[Window], None], blocks: Iterator[Window]) -> Iterator[None]:
        """On the CPU a thread for each core, each with its own blocks: no barrier after every small operation."""
        threads = torch.get_num_threads() if self.noisy.device.type == "cpu" else 1
        if threads == 1:
            yield from map(call, blocks)
            return
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from pool.map(call, blocks)

    @cached_property
    def _pull_back(self) -> Callable[[torch.Tensor], tuple[torch.Tensor]]:
        """The adjoint of the linear map, by one reverse-mode pass over it at zero."""
        pull_back: Callable[[torch.Tensor], tuple[torch.Tensor]]
        pull_back = torch.func.vjp(self._linear, torch.zeros_like(self.noisy)[None])[1]
        return pull_back


def _blocks(height: int, width: int, side: int) -> Iterator[Window]:
    """Squares that cover an image."""
    for top, left in itertools.product(range(0, height, side), range(0, width, side)):
        yield Window(top, left, min(top + side, height), min(left + side, width))

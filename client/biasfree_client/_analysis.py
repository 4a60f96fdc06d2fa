"""The answer to an analyze call: the singular value decomposition of the network's Jacobian at a patch.

``A`` is the Jacobian at the noisy patch ``y`` of N values, and ``A = U S V^T``. Shape letters: C channels, P x Q patch,
K known singular values, V requested singular vectors, F equivalent filters.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Iterator, KeysView, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from biasfree_client._errors import UnexpectedResponse
from biasfree_client._headers import Model, read_model, read_timing
from biasfree_client._image import AnyArray
from biasfree_client._plot import draw
from biasfree_client._response import expect_success
from biasfree_client._save import save

if TYPE_CHECKING:
    import httpx
    from matplotlib.figure import Figure

NPZ = "application/x-npz"
_REQUIRED = ("singular_values", "left", "right", "indices", "effective_dimensionality", "noisy", "denoised")


@dataclass(frozen=True)
class Analysis:
    """The network's behavior at one patch.

    Args:
        content: The NPZ file as received.
        arrays: Its arrays by name; the service's ``docs/analysis.md`` explains each.
        model: The model that was analyzed.
        request_id: The request's id in the service's logs.
        timing: Milliseconds per stage (``decode``, ``analyze``).
    """

    content: bytes = field(repr=False)
    arrays: Mapping[str, AnyArray] = field(repr=False, compare=False)
    model: Model | None = None
    request_id: str | None = None
    timing: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file that ``save`` wrote.

        Raises:
            UnexpectedResponse: The file is not an analysis.
            OSError: The file cannot be read.
        """
        content = Path(path).read_bytes()
        arrays = _arrays(content)
        names = ("model.name", "model.version", "model.sha256")
        named = [str(arrays[name]) if name in arrays else None for name in names]
        request_id = str(arrays["request_id"]) if "request_id" in arrays else None
        return cls(content, arrays, Model(named[0], *named[1:]) if named[0] else None, request_id)

    @property
    def singular_values(self) -> AnyArray:
        """Return s_1 >= s_2 >= ... (K,): all N for the method ``dense``, the largest for ``iterative``."""
        return self.arrays["singular_values"]

    @property
    def u(self) -> AnyArray:
        """Return the left singular vectors (V, C, P, Q), the network's output patterns.

        These are the first k and, if all N are known, the last k.
        """
        return self.arrays["left"]

    @property
    def v(self) -> AnyArray:
        """Return the right singular vectors (V, C, P, Q), the input patterns, in the order of ``u``."""
        return self.arrays["right"]

    @property
    def indices(self) -> AnyArray:
        """Return the positions of ``u`` and ``v`` in ``singular_values`` (V,), counted from 0."""
        return self.arrays["indices"]

    @property
    def symmetry(self) -> AnyArray:
        """Return u_i . v_i (K,): 1 where the output pattern equals the input pattern."""
        return self.arrays["symmetry"]

    @property
    def effective_dimensionality(self) -> float:
        """Return d = sum of s_i^2: the dimension of the subspace that the network projects the patch on."""
        return float(self.arrays["effective_dimensionality"])

    @property
    def trace(self) -> float:
        """Return tr A."""
        return float(self.arrays["trace"])

    @property
    def sigma(self) -> float:
        """Return the estimated noise level of the patch, 0-255 scale; valid for independent Gaussian noise only."""
        return float(self.arrays["sigma_estimate"])

    @property
    def noisy(self) -> AnyArray:
        """Return the noisy patch y (C, P, Q), in the image's own intensities."""
        return self.arrays["noisy"]

    @property
    def denoised(self) -> AnyArray:
        """Return the denoised patch f(y) (C, P, Q)."""
        return self.arrays["denoised"]

    @property
    def filters(self) -> AnyArray:
        """Return the equivalent filters (F, C, P, Q): rows of A, for the pixels in ``arrays["filter_pixels"]``."""
        return self.arrays["filters"]

    @property
    def method(self) -> str:
        """Return ``dense`` or ``iterative``."""
        return str(self.arrays["method"])

    def __getitem__(self, name: str) -> AnyArray:
        """Return an array by its name: ``analysis["asymmetry"]``, ``analysis["patch.x"]``."""
        return self.arrays[name]

    def __contains__(self, name: object) -> bool:
        """Return whether there is an array of that name."""
        return name in self.arrays

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.arrays)

    def __len__(self) -> int:
        """Return the number of arrays."""
        return len(self.arrays)

    def keys(self) -> KeysView[str]:
        """Return the names, so that ``dict(analysis)`` works."""
        return self.arrays.keys()

    def plot(self) -> Figure:
        """Draw the patch, its spectrum and its singular vectors.

        Raises:
            MissingLibrary: matplotlib is not installed.
        """
        return draw(self.arrays, model=self.model.name if self.model else None)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the arrays atomically to an NPZ file, which ``load`` and ``numpy.load`` read.

        Raises:
            FileExistsError: The file exists, and ``overwrite`` is not set.
        """
        return save(self.content, path, overwrite=overwrite)


def read_analysis(response: httpx.Response) -> Analysis:
    """Read the answer to ``POST /v1/analyze``, requested as NPZ.

    Raises:
        ProblemError: The service refused or failed.
        UnexpectedResponse: The answer is neither an NPZ file nor a problem document.
    """
    expect_success(response, NPZ)
    return Analysis(
        content=response.content,
        arrays=_arrays(response.content),
        model=read_model(response.headers),
        request_id=response.headers.get("X-Request-Id"),
        timing=read_timing(response.headers),
    )


def _arrays(content: bytes) -> dict[str, Any]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = dict(archive)
    except (ValueError, OSError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as exc:
        raise UnexpectedResponse(f"Not an analysis in NPZ format ({len(content)} bytes)") from exc
    if missing := [name for name in _REQUIRED if name not in arrays]:
        raise UnexpectedResponse(f"Not an analysis: the NPZ file lacks {', '.join(missing)}")
    return arrays

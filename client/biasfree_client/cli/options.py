"""The options that several commands share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.names import Name
from biasfree_client.cli.sources import Selection
from biasfree_client.cli.targets import Existing

if TYPE_CHECKING:
    from biasfree_client import Denoiser

SERVICE = "The service"

Inputs = Annotated[
    list[str], typer.Argument(metavar="IN", help="Image files, folders, or patterns such as 'photos/*.png'.")
]
AnyFile = Annotated[Path, typer.Argument(metavar="FILE", help="An image file.")]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace existing results, which are kept otherwise; never links and devices."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but failures.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs: one object per line.")]
BitDepth = Annotated[
    int | None,
    typer.Option(
        min=1, max=32, help="Bits per sample in use, so that white is 2^n - 1: 12 for 12-bit data in 16-bit files."
    ),
]


@dataclass(frozen=True)
class Service:
    """How to reach the service."""

    url: Annotated[
        str | None,
        typer.Option(
            envvar="BIASFREE_URL",
            help="Address of the service. Defaults to port 8000 on this machine.",
            rich_help_panel=SERVICE,
        ),
    ] = None
    timeout: Annotated[
        float | None,
        typer.Option(min=0.001, help="Seconds to wait for an answer. Defaults to 310.", rich_help_panel=SERVICE),
    ] = None

    def connect(self, *, patient: bool = False) -> "Denoiser":
        """Create a client.

        Args:
            patient: Wait for an overloaded service, as a run over many images can.
        """
        from biasfree_client.cli.service import PATIENT, PROMPT, connect

        return connect(self.url, self.timeout, retries=PATIENT if patient else PROMPT)


@dataclass(frozen=True)
class Files:
    """Which images are read, and which files are written."""

    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE",
            help="Folder for the results, created if needed; for a single image, also a file. By default, results lie "
            "beside their images.",
        ),
    ] = None
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Search subfolders too, each once.")] = False
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="TEMPLATE",
            help="Name of each result, such as '{stem}-clean{suffix}': stem and suffix of the image.",
        ),
    ] = None
    overwrite: Overwrite = False
    keep_existing: Annotated[
        bool, typer.Option("--keep-existing", help="Keep results that are older than their images, too.")
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Print which results would be written, and write nothing.")
    ] = False

    @property
    def template(self) -> Name | None:
        """Return the template of names; errors as in ``Name.read``."""
        return Name.read(self.name) if self.name else None

    @property
    def existing(self) -> Existing:
        """Return what to do about results that exist.

        Raises:
            UsageError: Two options contradict each other.
        """
        if self.overwrite and self.keep_existing:
            raise UsageError("--overwrite replaces existing results, and --keep-existing none; use one of them")
        if self.overwrite:
            return Existing.REPLACE
        return Existing.KEEP if self.keep_existing else Existing.RENEW

    def selection(self, inputs: Sequence[str], *, beside: Name) -> Selection:
        """Return the images to work on, without the results of earlier runs.

        Args:
            inputs: Files, folders and patterns as typed.
            beside: Template of the names of results that lie beside their images by default.
        """
        template = None if self.output else self.template
        # An earlier run without --name made results too.
        made = (beside,) if template is None else (template, beside)
        return Selection(inputs, self.recursive, leave_out=Path(self.output) if self.output else None, made=made)

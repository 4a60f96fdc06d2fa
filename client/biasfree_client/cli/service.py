"""The connection of a command to the service."""

from biasfree_client import ConnectionFailed, Denoiser, ProblemError, Retries, UnexpectedResponse
from biasfree_client._connection import DEFAULT_TIMEOUT_S

#: For runs over folders, which can wait for an overloaded service: up to about two minutes per image.
PATIENT = Retries(tries=12, longest_pause_s=15.0)
#: For single images and questions, which a person waits for.
PROMPT = Retries()


def connect(url: str | None, timeout: float | None, *, retries: Retries = PROMPT) -> Denoiser:
    """Create a client of the service at the given address."""
    return Denoiser(url, timeout=timeout or DEFAULT_TIMEOUT_S, retries=retries)


def require_reachable(denoiser: Denoiser) -> None:
    """Check once that the service answers, instead of failing for each of a thousand images.

    Raises:
        ConnectionFailed: The service does not answer.
    """
    try:
        denoiser.with_options(retries=PROMPT).raw.ready()
    except ConnectionFailed:
        raise
    except (ProblemError, UnexpectedResponse):
        return  # It answers; whether it accepts the images is for each of them to find out.

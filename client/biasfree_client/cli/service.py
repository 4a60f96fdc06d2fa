"""The service that a command talks to."""

from biasfree_client import ConnectionFailed, Denoiser, ProblemError, Retries, UnexpectedResponse
from biasfree_client._connection import DEFAULT_TIMEOUT_S

#: A run over a folder is what an overloaded service asks to be patient: up to about two minutes for an image.
PATIENT = Retries(tries=12, longest_pause_s=15.0)
#: One image, or one question, is waited for by a person.
PROMPT = Retries()


def connect(url: str | None, timeout: float | None, *, retries: Retries = PROMPT) -> Denoiser:
    """A client of the service that the options name."""
    return Denoiser(url, timeout=timeout or DEFAULT_TIMEOUT_S, retries=retries)


def require_reachable(denoiser: Denoiser) -> None:
    """Say at once that nobody is there, instead of once for each of a thousand images.

    Raises:
        ConnectionFailed: Nobody answers.
    """
    try:
        denoiser.with_options(retries=PROMPT).raw.ready()
    except ConnectionFailed:
        raise
    except (ProblemError, UnexpectedResponse):
        return  # somebody is there; what they think of the images, each image will tell

"""The route ``GET /metrics``."""

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client.exposition import choose_encoder

from service.http.context import state_of

router = APIRouter(tags=["service"])


@router.head("/metrics", include_in_schema=False)
@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=PlainTextResponse,
)
def metrics(request: Request) -> Response:
    """Return metrics on requests, queue, batches, stages, models and the process as text.

    The format is OpenMetrics if `Accept` asks for it.
    """
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    # Set the header directly: a media_type would get a second charset.
    return Response(encode(state_of(request).metrics.registry), headers={"Content-Type": content_type})

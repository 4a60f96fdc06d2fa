"""``GET /metrics``."""

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client.exposition import choose_encoder

from service.http.context import state_of

router = APIRouter(tags=["service"])


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=PlainTextResponse,
)
def metrics(request: Request) -> Response:
    """Requests, queue, batches, stages, models and the process, as text; OpenMetrics where `Accept` asks for it."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    # The header as it is: a media_type would get a second charset.
    return Response(encode(state_of(request).metrics.registry), headers={"Content-Type": content_type})

"""The OpenAPI description of the endpoints."""

from quart import Response, current_app

from admin_api.http.answers import answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.openapi import describe
from admin_api.state import AdminState


@endpoint("GET /openapi.json", Operation({200: dict}))
async def show_openapi(_state: AdminState) -> Response:
    """Describe the API for programs, in OpenAPI 3.1."""
    return answer(describe(current_app.config["ENDPOINTS"], has_token=current_app.config["HAS_TOKEN"]))

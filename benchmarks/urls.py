"""Our routes, and beside them the bare view that ours are measured against."""

from uuid import uuid4

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from feeds import urls


@csrf_exempt
def insert(request: HttpRequest) -> HttpResponse:
    """Do one durable INSERT and answer: the least that an ingest view can do."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_bare (id, body) VALUES (%s, %s)",
            [uuid4().hex, request.body.decode()],
        )
    return HttpResponse(status=202)


urlpatterns = [*urls.urlpatterns, path("bench/insert", insert)]

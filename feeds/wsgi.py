"""The WSGI application that granian serves."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from feeds import heap

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "feeds.settings")

_django = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018  # they load the views, else a first request would
heap.settle()


def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Serve a request, also one whose body comes in chunks.

    Django reads as much as Content-Length says, so without one it would see an empty body. The
    server ends the stream where the chunks end; one byte over the largest limit is enough to tell.
    """
    if environ.get("HTTP_TRANSFER_ENCODING", "").strip().lower() == "chunked":
        environ["CONTENT_LENGTH"] = str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    return _django(environ, start_response)

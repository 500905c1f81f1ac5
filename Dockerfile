FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements/base.txt requirements/base.txt
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements/base.txt

FROM python:3.11-slim
RUN useradd --system --home /app pulseboard
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY manage.py ./
COPY feeds feeds
COPY heartbeats heartbeats
COPY templates templates
COPY static static
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/data STATIC_ROOT=/app/staticfiles
# Collecting needs a key and a folder, but no database.
RUN mkdir /data && chown pulseboard /data \
    && SECRET_KEY=collect DATA_DIR=/tmp python manage.py collectstatic --no-input
USER pulseboard
VOLUME /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz')"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "8", "--no-ws", "--respawn-failed-workers", "--workers-kill-timeout", "10", "--log-level", "warning", "feeds.wsgi:application"]

"""Settings, all from the environment; docs/settings.md lists every one.

With nothing set, Pulseboard runs by itself: SQLite and a file-system broker in DATA_DIR.
"""

import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def _flag(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def _whole(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise ImproperlyConfigured(f"{name} must be a whole number, 0 or more; it is {text!r}.")
    return int(text)


def _list(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


def _secret_key() -> str:
    """Return SECRET_KEY, or the one kept in DATA_DIR, made on first use."""
    if key := os.environ.get("SECRET_KEY"):
        return key
    path = DATA_DIR / "secret-key"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text()


DATA_DIR = Path(os.environ.get("DATA_DIR") or BASE_DIR / "var").resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = _flag("DEBUG")
SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = _list("SECRET_KEY_FALLBACKS")  # keys of old, which still open what they shut
PORT = _whole("PORT", 8000)
SITE_URL = os.environ.get("SITE_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
SITE_ALIASES = _list("SITE_ALIASES")  # names that clients give the site: team.atlassian.net
ALLOWED_HOSTS = [*_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"), *SITE_ALIASES]
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# ---- Pulseboard's own

CLOUD_ID = os.environ.get("CLOUD_ID", "")  # adopt the cloudId that pipelines already send
ANONYMOUS_READ = _flag("ANONYMOUS_READ")
CONTEXT_PATH = os.environ.get("CONTEXT_PATH", "").rstrip("/")  # /jira: in front of vendor paths too
TRACKER_URL = os.environ.get("TRACKER_URL", "")  # with {key}; without it, our own pages
LIVE_WITHIN = timedelta(hours=_whole("LIVE_WITHIN_HOURS", 24))  # after it began
LIVE_QUIET = timedelta(minutes=_whole("LIVE_QUIET_MINUTES", 10))  # after its last news
LIVE_ABANDONED = timedelta(hours=_whole("LIVE_ABANDONED_HOURS", 24))  # after its last news too
TEAMHUB_KEYS_IN_QUERY = _flag("TEAMHUB_KEYS_IN_QUERY")  # off: addresses end up in logs
PRIVATE_UPSTREAMS = _flag("PRIVATE_UPSTREAMS")  # send to private addresses, and without TLS
UPSTREAM_TIMEOUT = _whole("UPSTREAM_TIMEOUT", 15)  # seconds of one request to an upstream
RATE_LIMIT = _whole("RATE_LIMIT", 100)  # Compass: requests a user a minute; 0 is no limit
SOURCES_PER_COMPONENT = _whole("SOURCES_PER_COMPONENT", 20)  # Compass refuses the 21st
RETENTION = timedelta(days=_whole("RETENTION_DAYS", 400))
EVENT_BODY_LIMIT = 256 * 1024  # bytes of one event
BULK_BODY_LIMIT = 32 * 1024 * 1024  # bytes of a bulk request
HOOK_BODY_LIMIT = 5 * 1024 * 1024  # bytes of a webhook's call; GitHub's own limit is 25 MB
BULK_EVENT_LIMIT = 1000  # events of a bulk request

# ---- Django

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "axes",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # the files of the API's documentation page
    "feeds",
    "heartbeats",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "feeds.reader.ReadersZone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "feeds.origin.middleware",  # after who is signed in is known
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "feeds.urls"
WSGI_APPLICATION = "feeds.wsgi.application"
TEMPLATES = [
    {
        # the rows of the feed: Jinja draws 50 of them in a fifth of the time that Django takes
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "NAME": "jinja",
        "DIRS": [BASE_DIR / "templates" / "jinja"],
        "OPTIONS": {"environment": "feeds.templatetags.pulseboard.environment"},
    },
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    },
]

_SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",  # a write lock up front: no SQLITE_BUSY in mid-transaction
    "timeout": 20,  # seconds to wait for another writer
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536;",
}


def _database() -> dict[str, Any]:
    url = os.environ.get("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'pulseboard.sqlite3'}"
    config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=600))
    config["CONN_HEALTH_CHECKS"] = True  # a database that restarted costs nobody a request
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"].endswith("sqlite3"):
        options.update(_SQLITE_OPTIONS)
    elif config["ENGINE"].endswith("postgresql"):
        options["connect_timeout"] = 5  # seconds; a host that says nothing must not hold a thread
        options["prepare_threshold"] = 5  # allows the one statement that asks to be prepared
    return config


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-us"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT") or DATA_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "feeds.statics.Statics"},
}

DATA_UPLOAD_MAX_MEMORY_SIZE = BULK_BODY_LIMIT + 1  # a body that is over the limit shows that it is

# ---- who may come in

AUTH_USER_MODEL = "feeds.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "feed"
LOGOUT_REDIRECT_URL = "login"

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_IPWARE_PROXY_COUNT = _whole("PROXIES", 0)
AXES_VERBOSE = False

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE_URL.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _whole("PROXIES", 0) else None
SESSION_COOKIE_AGE = 30 * 24 * 3600
CSRF_FAILURE_VIEW = "feeds.views.faults.forged"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "feeds.api.auth.CredentialAuthentication",
        "feeds.api.auth.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["feeds.api.auth.RolePermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "feeds.api.problems.problem",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DEFAULT_SCHEMA_CLASS": "feeds.api.schema.Schema",
    "URL_FORMAT_OVERRIDE": None,  # no ?format=: Accept says it
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "Pulseboard",
    "VERSION": "1",
    "DESCRIPTION": "Activities, and what they are about. Errors are problem details (RFC 9457).",
    "SERVERS": [{"url": SITE_URL}],
    "TAGS": [
        {"name": "activities", "description": "The feed, and events of your own making."},
        {"name": "events", "description": "Compass events, many at once."},
        {"name": "components", "description": "What events are about."},
        {"name": "sources", "description": "What sends events, and where they show."},
        {"name": "views", "description": "Names for what a feed is asked for."},
        {"name": "webhooks", "description": "Addresses that code hosts call."},
        {"name": "connections", "description": "Systems that composed events are sent to."},
        {"name": "deliveries", "description": "The outbox: letters, and what became of them."},
        {"name": "tokens", "description": "What lets programs in."},
        {"name": "audit", "description": "Who changed what."},
        {"name": "me", "description": "Who calls."},
        {"name": "site", "description": "What senders need to know."},
    ],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "Kind": "feeds.models.EventKind",
        "State": "feeds.models.Activity.State",
        "ComponentType": "feeds.models.Component.Type",
        "LinkType": "feeds.models.Component.LinkType",
        "Role": "feeds.models.Role",
        "Theme": "feeds.models.Theme",
        "Density": "feeds.models.Density",
        "Times": "feeds.models.Times",
        "CodeHost": "feeds.dialects.registry.WEBHOOKS",
        "Upstream": "feeds.models.Connection.Dialect",
        "DeliveryState": "feeds.models.Delivery.State",
    },
    "PREPROCESSING_HOOKS": ["feeds.api.schema.own_paths"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "feeds.api.schema.forbid_other_fields",
    ],
}

# ---- e-mail about heartbeats

EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = _whole("EMAIL_PORT", 25)
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _flag("EMAIL_USE_TLS")
EMAIL_USE_SSL = _flag("EMAIL_USE_SSL")
EMAIL_TIMEOUT = 10  # seconds of each step; a worker must not wait longer for a mail server
DEFAULT_FROM_EMAIL = os.environ.get("EMAIL_FROM", "Pulseboard <pulseboard@localhost>")

# ---- Celery

_BROKER_DIR = DATA_DIR / "broker"


def _broker() -> tuple[str, dict[str, Any]]:
    url = os.environ.get("CELERY_BROKER_URL") or os.environ.get("REDIS_URL")
    if url:
        return url, {"socket_connect_timeout": 2} if url.startswith("redis") else {}
    for name in ("queue", "control"):
        (_BROKER_DIR / name).mkdir(parents=True, exist_ok=True)
    return "filesystem://localhost", {
        "data_folder_in": str(_BROKER_DIR / "queue"),
        "data_folder_out": str(_BROKER_DIR / "queue"),
        "control_folder": str(_BROKER_DIR / "control"),
        "polling_interval": 0.1,
    }


CELERY_BROKER_URL, CELERY_BROKER_TRANSPORT_OPTIONS = _broker()
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"feeds": {"level": "INFO"}, "heartbeats": {"level": "INFO"}},
}

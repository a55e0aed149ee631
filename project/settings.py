"""Settings of the site. Those that differ between installations come from the environment.

`.env.example` documents the variables. `ENV_FILE` names a file to read instead of `.env`.
"""

from __future__ import annotations

import importlib.util
import logging
import zoneinfo
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import global_settings

from moderation.conf import CHOICES, LIMITS
from project import environment, storages
from project.security import bucket_origins
from project.storages import ADDRESSING_STYLES

BASE_DIR = environment.BASE_DIR
environment.read_site_file()

# The site
DEBUG = environment.boolean("DEBUG", default=False)
# The identity of each storage contains the environment's name. With a default, production and a
# copy of it would have the same name, and the copy would purge production's files.
ENVIRONMENT = (
    environment.text("ENVIRONMENT", "development")
    if DEBUG
    else environment.required(
        "ENVIRONMENT",
        because="unless DEBUG is true. Set it to the name of this installation, such as production",
    )
)
KEY_FOR_DEVELOPMENT = "only-for-development-and-therefore-known-to-everybody"
SECRET_KEY = (
    environment.text("SECRET_KEY", KEY_FOR_DEVELOPMENT)
    if DEBUG
    else environment.secret(
        "SECRET_KEY", known=[KEY_FOR_DEVELOPMENT], because="unless DEBUG is true"
    )
)
PORT = environment.integer("PORT", 8000, lowest=1, highest=65_535)
ALLOWED_HOSTS = environment.strings("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = environment.origins("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "moderation",
    "posts",
    "admin_interface",
    "colorfield",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "import_export",
    "axes",
    "project",
    "django_tasks",
    "django_tasks_db",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "project.security.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "project.pages.method_not_allowed_page",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "project.limits.limit_bodies",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # last, because it must see the login view's response
]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "project.branding.environment",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Logins
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # refuses locked logins; the next backend decides
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"  # after a login without a valid `next`
SESSION_COOKIE_AGE = 12 * 60 * 60  # seconds after the login, even if the session is used
TRUST_PROXY = environment.boolean("TRUST_PROXY", default=False)
PROXY_COUNT = environment.integer("PROXY_COUNT", 1, lowest=1, highest=10)
TRUSTED_PROXIES = PROXY_COUNT if TRUST_PROXY else 0
AXES_ENABLED = environment.boolean("LOGIN_THROTTLE", default=not DEBUG)
AXES_FAILURE_LIMIT = environment.integer("LOGIN_FAILURES", 10, lowest=1, highest=1_000)
AXES_COOLOFF_TIME = timedelta(
    minutes=environment.integer("LOGIN_LOCK_MINUTES", 15, lowest=1, highest=1_440)
)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # otherwise retries extend the lock
AXES_HANDLER = "project.logins.LoginHandler"
AXES_CLIENT_IP_CALLABLE = "project.logins.client_address"
AXES_USERNAME_CALLABLE = "project.logins.username_of"
AXES_CLIENT_STR_CALLABLE = "project.logins.describe_attempt"
AXES_LOCKOUT_CALLABLE = "project.logins.locked_out"
AXES_DISABLE_ACCESS_LOG = True  # logins are logged; a table of them would only grow
AXES_ENABLE_ADMIN = False  # its pages would let staff delete the records
AXES_VERBOSE = False

# Database
DATABASES: dict[str, dict[str, Any]] = {
    "default": environment.database(
        "DATABASE_URL", f"sqlite:///{BASE_DIR}/var/db.sqlite3", relative_to=BASE_DIR
    )
}
DATABASE_POOL = environment.integer("DATABASE_POOL", 0, lowest=0, highest=1_000)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        # A transaction waits for other writers at its start; otherwise it may fail in the middle
        # with "database is locked". In WAL mode, readers do not wait for a writer.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: with NORMAL, a power cut may undo a deletion whose files are already erased.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    options = DATABASES["default"].setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", 10)
    if DATABASE_POOL:
        options["pool"] = {"min_size": 1, "max_size": DATABASE_POOL, "timeout": 10}
    else:
        DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# django-admin-interface reads its theme from the cache. Without one, each page needs 7 queries.
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# Files
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = environment.folder("STATIC_ROOT", BASE_DIR / "var" / "static")
MEDIA_URL = "/media/"
MEDIA_ROOT = environment.folder("MEDIA_ROOT", BASE_DIR / "var" / "media")
FILES = environment.choice("FILES", "disk", ["disk", "s3"])
# Metadata such as location and camera is removed from stored pictures, unless this is true.
PICTURES_KEEP_METADATA = environment.boolean("PICTURES_KEEP_METADATA", default=False)
STORAGES = {
    "default": storages.disk(root=MEDIA_ROOT, url=MEDIA_URL),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Bytes that a staff member may send in one request: ten pictures and the rest of a form.
UPLOAD_LIMIT = environment.integer("UPLOAD_LIMIT_MB", 256, lowest=1, highest=4_096) * 1024 * 1024
picture_origins: list[str] = []
if FILES == "s3":
    bucket = environment.required("S3_BUCKET", because="when FILES is s3")
    endpoint = environment.url("S3_ENDPOINT_URL", ["https", "http"])
    region = environment.text("S3_REGION")
    STORAGES["default"] = storages.s3(
        bucket=bucket,
        endpoint=endpoint,
        region=region,
        access_key=environment.text("S3_ACCESS_KEY"),
        secret_key=environment.text("S3_SECRET_KEY"),
        location=environment.text("S3_LOCATION"),
        addressing_style=environment.choice("S3_ADDRESSING_STYLE", "auto", ADDRESSING_STYLES),
    )
    picture_origins = bucket_origins(bucket=bucket, endpoint=endpoint, region=region)
if not DEBUG:  # under DEBUG, runserver serves static files without collectstatic
    MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")

# Background work
TASKS_BACKEND = environment.choice("TASKS_BACKEND", "database", ["database", "rq"])
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
if TASKS_BACKEND == "rq":
    if importlib.util.find_spec("django_tasks_rq") is None:
        raise environment.invalid(
            "TASKS_BACKEND", "rq", "database, unless django-tasks-rq is installed as well"
        )
    environment.required("REDIS_URL", because="when TASKS_BACKEND is rq")
    RQ_QUEUES = {"default": {"URL": environment.url("REDIS_URL", ["redis", "rediss"])}}
    RQ_SHOW_ADMIN_LINK = False  # its pages let any staff member view and empty queues
    INSTALLED_APPS += ["django_rq", "django_tasks_rq"]
    TASKS = {"default": {"BACKEND": "django_tasks_rq.RQBackend"}}

# Language and time
USE_TZ = True
TIME_ZONE = environment.choice(
    "TIME_ZONE",
    "UTC",
    zoneinfo.available_timezones(),
    expected="a time zone, such as Europe/Berlin",
)
every_language = dict(global_settings.LANGUAGES)
LANGUAGE_CODE = environment.choice(
    "LANGUAGE_CODE", "en", every_language, expected="a language that Django knows, such as en or de"
)
LANGUAGES = [(LANGUAGE_CODE, every_language[LANGUAGE_CODE])]  # one language for all users
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "project.formats"

# Transport and headers
HTTPS = environment.boolean("HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = ["^healthz$"]  # health checks come from inside, over plain HTTP
SECURE_HSTS_SECONDS = environment.integer(
    "HSTS_SECONDS", 3_600 if HTTPS else 0, lowest=0, highest=63_072_000
)
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "SAMEORIGIN"
SECURE_CSP = {
    "default-src": ["'self'"],
    "script-src": ["'self'"],
    "style-src": ["'self'", "'unsafe-inline'"],  # django-admin-interface writes its theme inline
    "img-src": ["'self'", "data:", "blob:", *picture_origins],
    "object-src": ["'none'"],
    "base-uri": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'self'"],
}
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains: this site cannot decide for them
    "moderation.W005",  # the theme's two file fields: few rows. A test checks our own fields
    "security.W019",  # the theme's modals are frames of the same origin
    "security.W021",  # HSTS preload: this site cannot decide for the whole domain
]
if not HTTPS:  # on purpose: a proxy terminates HTTPS, or this is a test
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W008", "security.W012", "security.W016"]

# Logs go to stderr; whatever runs the process stores them.
LOG_LEVEL = environment.choice(
    "LOG_LEVEL", "INFO", [name for name in logging.getLevelNamesMapping() if name != "NOTSET"]
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own handlers would print each line twice, and send mail to no one.
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
    },
}

# The theme's logo and icon are files too. They are left behind when a theme is deleted.
MODERATION_UNREGISTERED = ["admin_interface.Theme"]

# Staff may not export unless they have the permission for it.
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "export"

# The settings of moderation; moderation/conf.py documents each and the reason for its default.
for limit in LIMITS:
    globals()[limit.name] = environment.integer(
        limit.name, limit.default, lowest=limit.lowest, highest=limit.highest
    )
for option in CHOICES:
    globals()[option.name] = (
        environment.boolean(option.name, default=option.default)
        if isinstance(option.default, bool)
        else environment.choice(option.name, option.default, option.values)
    )

"""One settings file for every site; environment variables choose, and nothing else.

With none set, a site is self-contained: SQLite, Celery inside the process, local live fan-out.
``DATABASE_URL``, ``REDIS_URL`` and ``CELERY_BROKER_URL`` put engines in their place.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.utils.translation import gettext_lazy as _

from apps.common.keyfile import site_key
from mecm_portal import roles

BASE_DIR = Path(__file__).resolve().parent.parent
ROLE = roles.current()

# --- this site -----------------------------------------------------------------------------------
SITE_NAME = os.environ.get("MECM_SITE_NAME", ROLE.name)
SITE_DIR = Path(os.environ.get("MECM_SITE_DIR", BASE_DIR / ".data" / SITE_NAME))
SITE_URL = os.environ.get("MECM_SITE_URL", "http://127.0.0.1:8000")
# Where the other processes of this site reach this one; empty: at the socket on which it listens.
INTERNAL_URL = os.environ.get("MECM_INTERNAL_URL", "")
# Who signs for the center that an edge dials, where that is none of the usual authorities.
CENTER_CA_FILE = os.environ.get("MECM_CENTER_CA_FILE", "")
# From how many edges that are read at once on a second process of the site reads them; 0 for never.
READER_FROM = int(os.environ.get("MECM_READER_FROM", "8" if (os.cpu_count() or 1) > 1 else "0"))
DEMO = os.environ.get("MECM_DEMO") == "1"
DEMO_LINK = os.environ.get("MECM_LINK", "center")  # which side opens the links of a demo world
SITE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

SECRET_KEY = site_key(SITE_DIR / "site.key")
DEBUG = False
ALLOWED_HOSTS = os.environ.get(
    "MECM_ALLOWED_HOSTS", f"{urlsplit(SITE_URL).hostname},localhost,127.0.0.1,[::1]"
).split(",")
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "guardian",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "apps.common",
    "apps.journal",
    "apps.vim",
    "apps.tenants",
    "apps.hosts",
    "apps.mep",
    "apps.edgelink",
    "apps.packages",
    "apps.images",
    "apps.instances",
    "apps.rules",
    "apps.orchestration",
    "apps.sync",
    "apps.monitoring",
    "apps.portal",
    "mecm_portal",
]

MIDDLEWARE = [
    "apps.mep.addresses.SpellingsMiddleware",
    "apps.common.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.common.middleware.ContentSecurityPolicyMiddleware",
    "apps.common.browsers.sessions",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "apps.common.browsers.users",
    "apps.common.browsers.messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.common.middleware.DomainErrorMiddleware",
]

ROOT_URLCONF = "mecm_portal.urls"
WSGI_APPLICATION = "mecm_portal.wsgi.application"
ASGI_APPLICATION = "mecm_portal.asgi.application"
# EdgeGallery's clients use both spellings of a collection; URLconfs accept both.
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
            "libraries": {"portal": "apps.portal.templatetags.portal"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.portal.context.shell",
            ],
        },
    }
]

# --- data ----------------------------------------------------------------------------------------
DATABASES: dict[str, Any]
if os.environ.get("DATABASE_URL"):
    DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=None)}
else:
    DATABASES = {
        "default": {
            "ENGINE": "mecm_portal.sqlite",
            "NAME": SITE_DIR / "db.sqlite3",
            "CONN_MAX_AGE": None,
            "TEST": {"NAME": ":memory:"},
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 10,
                # A tenth of a busy site's writing is checkpoints, at SQLite's 1000 pages.
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
                "PRAGMA wal_autocheckpoint=4000;",
            },
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL", "")
CACHES: dict[str, Any]
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "capacity": 1000},
        }
    }
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            # Failed sign-ins are counted here: nobody pushes a counter out with other names.
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    }

# Parts of pages that depend on nothing but their key; each process has its own.
CACHES["template_fragments"] = {
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "template_fragments",
    "OPTIONS": {"MAX_ENTRIES": 5000},  # a kilobyte each
}
# The API's description, which takes seconds to make.
CACHES["description"] = {
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "description",
}

# --- people --------------------------------------------------------------------------------------
AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ANONYMOUS_USER_NAME = None  # guardian: no database row stands for "nobody"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_SAMESITE = "Lax"
# Two sites on one machine differ by port only, and cookies do not know ports.
SESSION_COOKIE_NAME = f"mecm_{SITE_NAME}_session".replace("-", "_")
CSRF_COOKIE_NAME = f"mecm_{SITE_NAME}_csrf".replace("-", "_")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE_URL.startswith("https:")
SECURE_HSTS_SECONDS = 31_536_000 if SITE_URL.startswith("https:") else 0
# TLS ends at the proxy in front of a served site, which also redirects to it.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W005", "security.W008", "security.W021"]
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
ACCESS_TOKEN_LIFETIME = timedelta(hours=1)
REFRESH_TOKEN_LIFETIME = timedelta(days=7)
SITE_TOKEN_LIFETIME = timedelta(minutes=2)
# Guests read only; nobody signs in as one unless the operator wants that.
GUEST_ACCESS = DEMO or os.environ.get("MECM_GUEST_ACCESS") == "1"
# Accounts of the center that sign in at this edge: who is asked, how long they are good without it,
# and whether its administrators are administrators here.
CENTER_ACCOUNTS = "apps.sync.accounts.ask_center"
ACCOUNT_CACHE = timedelta(days=float(os.environ.get("MECM_ACCOUNT_CACHE_DAYS", "7")))
CENTER_ADMINS = os.environ.get("MECM_CENTER_ADMINS", "1") != "0"

# --- API -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.tenants.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["apps.common.renderers.NullableJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "apps.common.problem.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "apps.common.schema.HouseSchema",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # a query of ?format=… is for the view to judge, like any other
}
SPECTACULAR_SETTINGS = {
    "TITLE": "MECM Portal",
    "DESCRIPTION": "Runs applications at the network edge: center and edge API.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENFORCE_NON_BLANK_FIELDS": True,
    "COMPONENT_SPLIT_REQUEST": True,  # a file is sent as bytes and answered as an address
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "PREPROCESSING_HOOKS": ["apps.common.schema.without_twins"],
    "POSTPROCESSING_HOOKS": [
        "apps.mep.components.add",
    ],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["apps.common.uploads.BoundedUploadHandler"]
FILE_UPLOAD_TEMP_DIR = SITE_DIR / "tmp"
FILE_UPLOAD_TEMP_DIR.mkdir(mode=0o700, exist_ok=True)

# --- packages and drivers ------------------------------------------------------------------------
PACKAGE_DIR = SITE_DIR / "packages"
VIM_STATE_DIR = SITE_DIR / "vim"
# Networks besides public ones in which a host's Prometheus may be.
VIM_NETWORKS = os.environ.get(
    "MECM_VIM_NETWORKS",
    "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7" + (", 127.0.0.0/8, ::1" if DEMO else ""),
)
PACKAGE_ENFORCE_DIGESTS = os.environ.get("MECM_PACKAGE_DIGESTS") == "enforce"
PACKAGE_MAX_BYTES = int(os.environ.get("MECM_PACKAGE_MAX_BYTES", 512 * 1024 * 1024))
# Images of virtual machines: the most that one may have, in what parts an edge hands one out, and
# which networks besides public ones an address in a package may lead to.
IMAGES: dict[str, Any] = {
    "max_bytes": int(os.environ.get("MECM_IMAGE_MAX_BYTES", 64 * 1024**3)),
    "chunk_bytes": int(os.environ.get("MECM_IMAGE_CHUNK_BYTES", 10 * 1024**2)),
    "networks": os.environ.get("MECM_IMAGE_NETWORKS", "127.0.0.0/8, ::1" if DEMO else ""),
}
# Image repositories that are registered as the site starts, as EdgeGallery writes them:
# "repo=registry.example:5000 userName=puller password=… | …".
SOURCE_REPOS = os.environ.get("SOURCE_REPOS", "")
_LIMITS = {
    "tenants": 20,
    "packages_per_tenant": 50,
    "packages_per_appstore": 400,
    "instances_per_tenant": 50,
    "rules_per_tenant": 50,
    "hosts": 50,
    "applcms": 50,
    "apprulemanagers": 50,
    "appstores": 50,
    "apprepos": 50,
    "applications_per_tenant": 50,
    "services_per_application": 50,
    "subscriptions_per_application": 50,
}
LIMITS = {
    name: int(os.environ.get(f"MECM_LIMIT_{name.upper()}", usual))
    for name, usual in _LIMITS.items()
}
# Application stores: how they are reached, which networks they may be in besides public ones (as
# "10.0.0.0/8"), and the authorities that sign for them where those are not the usual ones.
APP_STORES = {
    "scheme": os.environ.get("MECM_APP_STORE_SCHEME", "http" if DEMO else "https"),
    "networks": os.environ.get("MECM_APP_STORE_NETWORKS", "127.0.0.0/8, ::1" if DEMO else ""),
    "ca_file": os.environ.get("MECM_APP_STORE_CA_FILE", ""),
}
# What a tenant's quotas are about: each kind, and the model whose rows of a tenant are counted.
COUNTED_PER_TENANT = {
    "packages": "packages.Package",
    "instances": "instances.AppInstance",
    "rules": "rules.AppdRule",
    "applications": "hosts.AppRecord",
}

# --- MEC platform (MEC 011) ----------------------------------------------------------------------
MEP: dict[str, Any] = {
    # "conformance" answers as ETSI's test suite asserts; "strict" refuses what nobody asked for.
    "profile": os.environ.get("MECM_MEP_PROFILE", "conformance" if DEMO else "strict"),
    # Seconds between two heartbeats: what the platform chooses, and what it honours.
    "interval": int(os.environ.get("MECM_MEP_INTERVAL", 60)),
    "least_interval": int(os.environ.get("MECM_MEP_LEAST_INTERVAL", 5)),
    "most_interval": int(os.environ.get("MECM_MEP_MOST_INTERVAL", 3600)),
    # A service is suspended after so many intervals, and a grace of so much of one (at most 5 s).
    "missed": int(os.environ.get("MECM_MEP_MISSED", 1)),
    "grace": float(os.environ.get("MECM_MEP_GRACE", 0.05)),
    "most_grace": float(os.environ.get("MECM_MEP_MOST_GRACE", 5)),
    # Networks that callbacks may go to although they are not public, as "10.0.0.0/8, ::1".
    "callback_networks": os.environ.get(
        "MECM_MEP_CALLBACK_NETWORKS", "127.0.0.0/8, ::1" if DEMO else ""
    ),
    "dead_letter_seconds": int(os.environ.get("MECM_MEP_DEAD_LETTER_SECONDS", 3600)),
    "token_seconds": int(os.environ.get("MECM_MEP_TOKEN_SECONDS", 3600)),
    "graceful_seconds": int(os.environ.get("MECM_MEP_GRACEFUL_SECONDS", 5)),
    # Gateways (networks) whose X-AppinstanceID is believed, as the original's is.
    "gateways": os.environ.get("MECM_MEP_GATEWAYS", ""),
    # An Authorization value that may act for any application; only for the conformance profile.
    "test_credential": os.environ.get("MECM_MEP_TEST_CREDENTIAL", ""),
    "ntp_servers": os.environ.get("MECM_MEP_NTP_SERVERS", "pool.ntp.org"),
    # An Apache ServiceComb service center that mirrors the registry, as http://host:30100.
    "servicecomb_url": os.environ.get("MECM_MEP_SERVICECOMB_URL", ""),
}

# --- work ----------------------------------------------------------------------------------------
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "memory://localhost/")
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"polling_interval": 0.02} if CELERY_BROKER_URL.startswith("memory:") else {}
)
CELERY_TASK_IGNORE_RESULT = True
# To open a SQLite file costs more than most tasks do; ``mecm_portal.celery`` closes what broke.
CELERY_DB_REUSE_MAX = sys.maxsize
CELERY_TASK_DEFAULT_QUEUE = "mecm"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    task: {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 5.0)}}
    for task, seconds in ROLE.beat.items()
}

# --- words, looks, files -------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("简体中文"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "mecm_language"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("MECM_STATIC_ROOT", BASE_DIR / ".static"))
STATICFILES_DIRS = [path for path in (BASE_DIR / "static", BASE_DIR / ".assets") if path.is_dir()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "mecm_portal.staticfiles.Storage"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "apps.common.middleware.RequestIdFilter"}},
    "formatters": {
        "line": {
            "()": "apps.common.logs.OneLineFormatter",
            "format": "%(asctime)s %(levelname)-7s %(message)s",
            "datefmt": "%H:%M:%S",
        }
    },
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "line",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stdout"], "level": os.environ.get("MECM_LOG_LEVEL", "WARNING")},
    "loggers": {
        "mecm": {"level": "INFO"},
        # An answer of 4xx is the caller's business; the journal and the metrics see it.
        "django.request": {"level": "ERROR"},
    },
}

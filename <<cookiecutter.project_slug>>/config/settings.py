"""Django's settings: one module, the environment decides. `.env` is read as well; the environment wins.

Without any variable this is a production configuration. `.env.example` lists the variables.
"""

from pathlib import Path

from django.utils.csp import CSP

from config.environment import Environment
from config.secret_key import stored_secret_key
from runtime.shared import log

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(BASE_DIR / ".env")

DEBUG = env.flag("DEBUG")
DATA_DIR = env.folder("DATA_DIR", BASE_DIR / "data")  # everything that must last
SECRET_KEY = env.secret("SECRET_KEY", least_length=32 if DEBUG else 50) or stored_secret_key(DATA_DIR)
ALLOWED_HOSTS = list(env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"))

# The server (python main.py)

HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, least=0, most=65535)
ROLES = env.choices("ROLES", "web,workers", choices=("web", "workers"))
SHUTDOWN_TIMEOUT = env.seconds("SHUTDOWN_TIMEOUT", 30)
MEMORY_LIMIT = env.size("MEMORY_LIMIT")  # bytes; 0: the container's limit, else none
MAX_REQUEST_BODY = env.size("MAX_REQUEST_BODY", 100 * 2**20)  # bytes; above it 413
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")  # whose X-Forwarded headers count
SSL_CERT = env.text("SSL_CERT", "")  # paths: HTTPS by the server itself
SSL_KEY = env.text("SSL_KEY", "")
LOG_FORMAT = env.choice("LOG_FORMAT", "text", choices=("text", "json"))
LOGGING = log.configuration(LOG_FORMAT)

INTERPRETERS = {
    "web": {
        "count": env.integer("WEB_INTERPRETERS", 2, least=1, most=64),
        "threads": env.integer("WEB_THREADS", 2, least=1, most=64),
        "request_timeout": 30,  # seconds
    },
    "workers": {
        "critical": {"queues": ["critical"], "count": 1, "timeout": 60},
        "default": {"queues": ["default"], "count": (1, 2), "timeout": 600},
        "exports": {"queues": ["exports"], "count": (0, 1), "timeout": 3600},
        # Pillow refuses interpreters with a GIL of their own: this pool shares the main interpreter's.
        "images": {"queues": ["images"], "count": (0, 1), "timeout": 120, "interpreter": "legacy"},
    },
}

TASKS = {
    "default": {
        "BACKEND": "tasks.backends.DurableBackend",
        "QUEUES": ["critical", "default", "exports", "images"],
        # How long finished tasks are kept, with the files that belong to them; None: without that limit.
        "OPTIONS": {"keep_days": 14, "keep_failed_days": 60, "keep_tasks": 100_000},
    }
}

# Applications

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "accounts",
    "tasks",
    "samples",
    "ops",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",  # in production main answers in its place (runtime/http/static.py)
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Data

DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{DATA_DIR / 'db.sqlite3'}")}
DATABASES["default"]["CONN_MAX_AGE"] = 600
SQLITE_SYNCHRONOUS = env.choice("SQLITE_SYNCHRONOUS", "normal", choices=("normal", "full"))

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # a read that turns into a write later could not wait for the lock
        "timeout": 20,
        # The log is written back into the database every 40 MB: at the usual 4 MB, that is a third of a task's cost.
        "init_command": f"PRAGMA journal_mode=wal; PRAGMA synchronous={SQLITE_SYNCHRONOUS};"
        "PRAGMA wal_autocheckpoint=10000;",
    }
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}  # in a file, for tests with several writers
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # a server may restart, a file may not
    # One that vanishes without a word is noticed after 20 s, as long as SQLite waits for a lock, not after hours.
    noticed = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": 20_000}
    DATABASES["default"]["OPTIONS"] = noticed | DATABASES["default"].get("OPTIONS", {})

MEDIA_ROOT = DATA_DIR / "media"
MEDIA_URL = "media/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "config.static_storage.StaticStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG  # development: straight from the sources

OUTBOX = env.mailer("EMAIL_URL", "consolemail://" if DEBUG else "smtp://localhost:25")
MAILERS = {"default": {"BACKEND": "tasks.mail.EmailBackend"}, "outbox": OUTBOX}  # through the queue, into the outbox
if OUTBOX["BACKEND"] == "django.core.mail.backends.console.EmailBackend":
    MAILERS = {"default": OUTBOX}  # shown at once, where it was sent

# Accounts and safety

LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG  # browsers take http://localhost for secure as well
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 60 * 60  # sent where a request came by TLS
SECURE_CSP = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}
SILENCED_SYSTEM_CHECKS = [
    "security.W008",  # http is redirected to https by whoever ends TLS, who alone knows that there is any
    "security.W005",  # HSTS speaks for this host: what its subdomains do is not known here
    "security.W021",
]

# Language and time

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

"""The project's addresses. /healthz, /up, /readyz and /metrics are answered before Django (runtime/health.py)."""

from django.contrib import admin
from django.urls import include, path

handler500 = "accounts.errors.error_page"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("ops/", include("ops.urls")),
    path("accounts/", include("accounts.urls")),
    path("", include("tasks.urls")),
    path("", include("samples.urls")),
]

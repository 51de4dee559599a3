"""The project's addresses. Main answers /healthz, /up, /readyz, /metrics and /live/ (runtime/)."""

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

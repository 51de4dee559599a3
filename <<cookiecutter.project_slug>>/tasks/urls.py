from django.urls import path

from tasks import json_views

app_name = "tasks"

urlpatterns = [
    path("api/tasks/<uuid:task_id>/", json_views.state, name="state"),
    path("api/tasks/<uuid:task_id>/cancel/", json_views.cancel, name="cancel"),
    path("api/tasks/<uuid:task_id>/retry/", json_views.retry, name="retry"),
]

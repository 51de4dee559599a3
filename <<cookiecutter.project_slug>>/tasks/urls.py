from django.urls import path

from tasks import api

app_name = "tasks"

urlpatterns = [
    path("api/tasks/<uuid:task_id>/", api.state, name="state"),
    path("api/tasks/<uuid:task_id>/cancel/", api.cancel, name="cancel"),
    path("api/tasks/<uuid:task_id>/retry/", api.retry, name="retry"),
]

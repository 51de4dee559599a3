from django.conf import settings
from django.urls import path

from ops import actions, views

app_name = "ops"

urlpatterns = [
    path("", views.index, name="index"),
    path("list/", views.tasks, name="list"),
    path("history/", views.history, name="history"),
    path("names/", views.names, name="names"),
    path("tasks/", actions.tasks, name="tasks"),
    path("tasks/<uuid:task_id>/", views.task, name="task"),
    path("tasks/<uuid:task_id>/stack/", views.stack, name="stack"),
    path("queues/<str:name>/<str:verb>/", actions.queue, name="queue"),
    path("interpreters/<str:name>/recycle/", actions.recycle, name="recycle"),
]

if settings.DEBUG:
    from ops import faults

    urlpatterns += [path("faults/<str:name>/", faults.fault, name="fault")]

from config.urls import urlpatterns as project
from django.urls import path

from benchmarks.site import soak, views

urlpatterns = [
    path("bench/hello", views.hello),
    path("bench/query", views.query),
    path("bench/python", views.python),
    path("bench/compute/<int:additions>", views.compute),
    path("bench/page", views.page),
    path("bench/upload", views.upload),
    path("bench/discard", views.discard),
    path("bench/busy/<int:number>/<int:seconds>", views.busy),
    path("bench/enqueue", views.enqueue),
    path("bench/result/<str:task_id>", views.result),
    path("bench/wait/<int:milliseconds>", views.wait_for),
    path("bench/memory/soon/<str:backend>", views.soon),
    path("bench/memory/many/<str:backend>", views.many),
    path("bench/stuck/<str:way>/<str:argument>", views.stuck),
    path("bench/soak/<str:name>/<str:argument>", soak.enqueue),
    path("bench/endless/<str:way>", soak.endless),
    path("bench/leave", soak.leave),
    path("bench/sleep/<int:milliseconds>", soak.sleep),
    *project,
]

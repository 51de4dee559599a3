from config.urls import urlpatterns as project
from django.urls import path

from benchmarks.site import views

urlpatterns = [
    path("bench/hello", views.hello),
    path("bench/query", views.query),
    path("bench/python", views.python),
    path("bench/enqueue", views.enqueue),
    path("bench/result/<str:task_id>", views.result),
    path("bench/wait/<int:milliseconds>", views.wait_for),
    path("bench/stuck/<str:way>/<str:argument>", views.stuck),
    *project,
]

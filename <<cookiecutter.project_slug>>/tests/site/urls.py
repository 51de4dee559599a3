from django.urls import include, path

from config.urls import handler500 as handler500
from config.urls import urlpatterns as project
from tests.site import usual, views

urlpatterns = [
    path("test/enqueue", views.enqueue),
    path("test/batch", views.batch),
    path("test/chain", views.chain),
    path("test/answer", views.answer),
    path("test/answers", views.answers),
    path("test/transaction/<str:end>", views.transaction_of),
    path("test/interpreter", views.interpreter),
    path("test/version", views.version),
    path("test/wait/<path:gate>", views.wait),
    path("test/echo", views.echo),
    path("test/echo/<path:rest>", views.echo),
    path("test/cookies", views.cookies),
    path("test/stream/<int:parts>", views.stream),
    path("test/fail", views.fail),
    path("test/endless", views.endless),
    path("test/eat", views.eat),
    path("test/leave", views.leave),
    path("test/hang", views.hang),
    path("test/usual/", include(usual.urls)),
    *project,
]

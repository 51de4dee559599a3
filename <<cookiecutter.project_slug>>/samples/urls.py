from django.urls import path, re_path

from samples import api, media, views

app_name = "samples"

urlpatterns = [
    path("", views.index, name="index"),
    path("files/", views.files, name="files"),
    path("exports/", views.exports, name="exports"),
    path("tasks/<uuid:task_id>/retry/", views.retry, name="retry"),
    path("media/<path:path>", media.media, name="media"),
    path("api/images/", api.images),
    path("api/previews/", api.previews),
    path("api/documents/", api.documents),
    path("api/exports/", api.exports),
    re_path("^api/", api.not_found),  # after every other address below /api/, those of other apps as well
]

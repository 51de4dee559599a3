"""Views and middleware of every kind that Django knows."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.decorators import async_only_middleware, sync_and_async_middleware, sync_only_middleware
from django.views import View

type Next = Callable[[HttpRequest], Any]


@sync_only_middleware
def synchronous(get_response: Next) -> Next:
    def answer(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        response.headers["X-Sync"] = threading.current_thread().name
        return response

    return answer


@async_only_middleware
def asynchronous(get_response: Next) -> Next:
    async def answer(request: HttpRequest) -> HttpResponseBase:
        await asyncio.sleep(0)
        response: HttpResponseBase = await get_response(request)
        response.headers["X-Async"] = threading.current_thread().name
        return response

    return answer


@sync_and_async_middleware
def either(get_response: Next) -> Next:
    if not asyncio.iscoroutinefunction(get_response):
        return synchronous(get_response)
    return asynchronous(get_response)


def count_visits(request: HttpRequest) -> JsonResponse:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse({"visits": request.session["visits"]})


def leave_a_message(request: HttpRequest) -> HttpResponse:
    messages.success(request, "kept for the next page")
    return redirect("/test/usual/messages")


def read_messages(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"messages": [str(message) for message in messages.get_messages(request)]})


class FileForm(forms.Form):
    title = forms.CharField(max_length=10)
    files = forms.FileField()


class Upload(View):
    def post(self, request: HttpRequest) -> JsonResponse:
        form = FileForm(request.POST, request.FILES)
        if not form.is_valid():
            return JsonResponse({"errors": form.errors}, status=400)
        file = form.cleaned_data["files"]
        content = b"".join(file.chunks())
        return JsonResponse({"title": form.cleaned_data["title"], "name": file.name, "size": len(content)})


async def count_users(request: HttpRequest) -> JsonResponse:
    """Two queries at once, and the signed-in user."""
    users, _ = await asyncio.gather(User.objects.acount(), asyncio.sleep(0.01))
    user = await request.auser()
    return JsonResponse({"users": users, "user": user.get_username()})


class AsyncView(View):
    async def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({"first": [user.username async for user in User.objects.order_by("pk")[:1]]})


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def rows() -> Iterator[str]:
        for user in User.objects.order_by("pk").iterator():
            yield f"{user.username}\n"

    return StreamingHttpResponse(rows(), content_type="text/csv", headers={"Content-Disposition": "attachment"})


def which_connection(request: HttpRequest) -> JsonResponse:
    """The connection that this thread has to the database."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return JsonResponse({"connection": cursor.fetchone()[0]})
    User.objects.exists()
    return JsonResponse({"connection": id(connection.connection)})


urls = [
    path("visits", count_visits),
    path("message", leave_a_message),
    path("messages", read_messages),
    path("upload", Upload.as_view()),
    path("users", count_users),
    path("async-view", AsyncView.as_view()),
    path("stream", stream),
    path("connection", which_connection),
]

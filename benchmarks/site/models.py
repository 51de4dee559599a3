from django.db import models


class Effect(models.Model):
    """What a task has done."""

    number = models.IntegerField(unique=True)

    def __str__(self) -> str:
        return str(self.number)

from django.db import models


class Effect(models.Model):
    """What a task has done."""

    number = models.IntegerField(unique=True)

    def __str__(self) -> str:
        return str(self.number)


class Run(models.Model):
    """A run of a task that came to its end: one row more each time."""

    number = models.IntegerField()

    def __str__(self) -> str:
        return str(self.number)

from django.apps import AppConfig


class SamplesConfig(AppConfig):
    name = "samples"

    def ready(self) -> None:
        from samples.tidying import delete_unknown_files
        from tasks.signals import tidy_up

        tidy_up.connect(delete_unknown_files)

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0005_bill"),
    ]

    operations = [
        migrations.AddField(
            model_name="taskrecord",
            name="origin",
            field=models.CharField(blank=True, max_length=200, null=True),
        ),
    ]

# What the wires beside Compass REST need, as makemigrations writes it.

import django.db.models.deletion
import feeds.models.hooks
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('feeds', '0002_search'),
    ]

    operations = [
        migrations.CreateModel(
            name='Alias',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=1024)),
                ('external_id', models.CharField(max_length=1024)),
                ('url', models.TextField(blank=True)),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
            ],
            options={
                'verbose_name_plural': 'aliases',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='HookDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('delivery_id', models.CharField(blank=True, max_length=100)),
                ('event', models.CharField(blank=True, max_length=100)),
                ('status', models.PositiveSmallIntegerField()),
                ('outcome', models.CharField(choices=[('created', 'Created'), ('updated', 'Updated'), ('stale', 'Stale'), ('ignored', 'Ignored'), ('refused', 'Refused')], max_length=8)),
                ('reason', models.TextField(blank=True)),
                ('body', models.TextField()),
                ('activity', models.UUIDField(null=True)),
                ('received_at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'hook deliveries',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='KeptAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(max_length=64)),
                ('status', models.PositiveSmallIntegerField()),
                ('body', models.TextField()),
                ('created_at', models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=100)),
                ('query', models.TextField(blank=True)),
                ('shared', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=100)),
                ('dialect', models.CharField(max_length=16)),
                ('token', models.CharField(default=feeds.models.hooks._new_token, editable=False, max_length=40, unique=True)),
                ('sealed_secret', models.TextField(editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.AddField(
            model_name='activity',
            name='project_key',
            field=models.CharField(max_length=255, null=True),
        ),
        migrations.AddField(
            model_name='component',
            name='labels',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='component',
            name='state',
            field=models.CharField(default='ACTIVE', max_length=32),
        ),
        migrations.AddField(
            model_name='component',
            name='updated_at',
            field=models.DateTimeField(auto_now=True),
        ),
        migrations.AddIndex(
            model_name='activity',
            index=models.Index(condition=models.Q(('project_key__isnull', False)), fields=['project_key', '-occurred_at', '-id'], name='activity_in_project'),
        ),
        migrations.AddIndex(
            model_name='activity',
            index=models.Index(condition=models.Q(('dialect', 'streams')), fields=['-occurred_at', '-id'], name='activity_of_streams'),
        ),
        migrations.AddIndex(
            model_name='activity',
            index=models.Index(condition=models.Q(('dialect', 'teamhub')), fields=['-occurred_at', '-id'], name='activity_of_teamhub'),
        ),
        migrations.AddIndex(
            model_name='activity',
            index=models.Index(condition=models.Q(('dialect', 'teamhub')), fields=['external_id'], name='activity_by_teamhub_id'),
        ),
        migrations.AddField(
            model_name='alias',
            name='component',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='aliases', to='feeds.component'),
        ),
        migrations.AddField(
            model_name='keptanswer',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='kept_answers', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='savedview',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='views', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='webhook',
            name='component',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='webhooks', to='feeds.component'),
        ),
        migrations.AddField(
            model_name='webhook',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='hookdelivery',
            name='webhook',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='feeds.webhook'),
        ),
        migrations.AddConstraint(
            model_name='keptanswer',
            constraint=models.UniqueConstraint(fields=('user', 'key'), name='one_answer_for_a_user_and_key'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(fields=('user', 'name'), name='one_view_for_a_user_and_name'),
        ),
        migrations.AddIndex(
            model_name='hookdelivery',
            index=models.Index(fields=['webhook', '-id'], name='deliveries_of_webhook'),
        ),
    ]

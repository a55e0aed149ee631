"""Storages of django-storages for S3. Raises ImproperlyConfigured if their packages are missing."""

from django.core.exceptions import ImproperlyConfigured

try:
    from moderation.storage.s3.adapter import S3Adapter
except ModuleNotFoundError as error:
    raise ImproperlyConfigured(
        f'Files in S3 need the package {error.name}: pip install "django-bulk-removal[s3]"'
    ) from error

__all__ = ["S3Adapter"]

"""Products with photos, of which sorl-thumbnail makes thumbnails."""

from django.conf import settings
from django.db import models
from sorl.thumbnail import ImageField


class Product(models.Model):
    """What moderators select; it owns no file itself."""

    seller = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name


class Photo(models.Model):
    """A photo of a product."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    image = ImageField(upload_to="photos", db_index=True)

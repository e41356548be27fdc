"""The tables of schema.sql."""

from django.db import models


class User(models.Model):
    name = models.TextField()
    email = models.TextField(unique=True)

    class Meta:
        db_table = "users"
        managed = False


class Order(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="orders")
    status = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "orders"
        managed = False
        ordering = ["id"]

    def show_items(self):
        return f"#{self.id}: " + " ".join(f"{item.quantity}x{item.product_id}" for item in self.items.all())


class Item(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="items")
    product_id = models.BigIntegerField()
    quantity = models.IntegerField()

    class Meta:
        db_table = "order_items"
        managed = False
        ordering = ["id"]

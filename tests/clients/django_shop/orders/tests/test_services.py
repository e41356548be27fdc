"""What is done with orders."""

from catalogue.models import Product
from django.test import TestCase, TransactionTestCase
from orders import services
from orders.models import Order
from shop import samples


class PlaceOrder(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.buyers = samples.customers(2)
        cls.goods = samples.products(5)

    def quantities(self, count):
        return {product.id: 2 for product in self.goods[:count]}

    def test_stock(self):
        services.place_order(self.buyers[0], self.quantities(3))
        self.assertEqual(list(Product.objects.order_by("id").values_list("stock", flat=True)), [48, 48, 48, 50, 50])

    def test_not_enough(self):
        with self.assertRaises(ValueError):
            services.place_order(self.buyers[0], {self.goods[0].id: 51})
        self.assertEqual(Order.objects.count(), 0)

    def test_number_is_taken(self):
        """The same INSERT again until it goes through."""
        for number in (3, 4, 5):
            Order.objects.create(customer=self.buyers[1], number=f"N{number:05}")
        Order.objects.filter(number="N00003").update(number="X")
        order = services.place_order(self.buyers[0], self.quantities(1))
        self.assertEqual(order.number, "N00006")

    def test_page(self):
        asked = {"email": self.buyers[0].email, "quantities": {self.goods[0].id: 1}}
        response = self.client.post("/orders/place/", asked, content_type="application/json")
        self.assertEqual(response.status_code, 201)


class Restock(TransactionTestCase):
    """Each test commits, and the tables are emptied after it."""

    def setUp(self):
        samples.products(7)

    def test_each(self):
        """Planted: an UPDATE for each of seven products."""
        services.restock(5)
        self.assertEqual(set(Product.objects.values_list("stock", flat=True)), {55})

    def test_at_once(self):
        services.restock_at_once(5)
        self.assertEqual(set(Product.objects.values_list("stock", flat=True)), {55})

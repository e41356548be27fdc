"""The pages about orders."""

from django.test import TestCase
from orders import services
from orders.models import Job
from shop import samples


class OrderPages(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.buyers = samples.customers(8)
        cls.goods = samples.products(6)
        cls.orders = samples.orders(cls.buyers, cls.goods, 8)

    def test_latest(self):
        self.assertEqual(self.client.get("/orders/").json()["A00007"], "Customer 07")

    def test_board(self):
        """Planted: eight orders, and the customer of each."""
        self.assertEqual(len(self.client.get("/orders/board/").json()), 8)

    def test_detail(self):
        lines = self.client.get(f"/orders/{self.orders[2].id}/").json()["lines"]
        self.assertEqual(lines, ["1 x Product 2 at 12.00 EUR", "2 x Product 3 at 13.00 EUR"])

    def test_detail_of_another(self):
        lines = self.client.get(f"/orders/{self.orders[4].id}/").json()["lines"]
        self.assertEqual(len(lines), 2)

    def test_receipt(self):
        """Planted: an order of six lines, and the currency for each of them."""
        order = services.place_order(self.buyers[0], {product.id: 1 for product in self.goods})
        prices = self.client.get(f"/orders/{order.id}/receipt/").json()["prices"]
        self.assertEqual(prices, [f"{10 + n}.00 EUR" for n in range(6)])

    def test_ship(self):
        self.assertEqual(self.client.post(f"/orders/{self.orders[0].id}/ship/").json(), {"shipped": 1})

    def test_ship_twice(self):
        for shipped in (1, 0):
            self.assertEqual(self.client.post(f"/orders/{self.orders[1].id}/ship/").json(), {"shipped": shipped})

    def test_export(self):
        """Lists of three, three and two keys."""
        self.assertEqual(len(self.client.get("/orders/export/").json()["rows"]), 16)

    def test_waiting_for_a_job(self):
        """Polling: the same row is read until a worker has done its work."""
        job = Job.objects.create(total=5)
        rounds = 0
        while not self.client.get(f"/jobs/{job.id}/").json()["finished"]:
            services.advance(job)
            rounds += 1
        self.assertEqual(rounds, 5)

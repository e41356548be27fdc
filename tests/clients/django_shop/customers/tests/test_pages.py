"""The pages about customers."""

from customers.models import Customer
from django.contrib.auth.models import User
from django.test import TestCase
from shop import samples


class CustomerPages(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.buyers = samples.customers(6)
        goods = samples.products(4)
        samples.orders(cls.buyers, goods, 12)

    def test_list(self):
        self.assertEqual(self.client.get("/customers/").json()["Customer 03"], ["Ghent", "Turku"])

    def test_summary(self):
        self.assertEqual(self.client.get("/customers/summary/").json()["Customer 05"], 2)

    def test_activity(self):
        """Planted: six customers, and a count for each."""
        self.assertEqual(self.client.get("/customers/activity/").json()["Customer 05"], 2)

    def test_summary_without_orders(self):
        Customer.objects.create(name="Customer 99", email="new@example.com")
        self.assertEqual(self.client.get("/customers/summary/").json()["Customer 99"], 0)


class Account(TestCase):
    """Pages for those who have logged in: a session and a user are read for each request."""

    @classmethod
    def setUpTestData(cls):
        [cls.customer] = samples.customers(1)
        goods = samples.products(3)
        samples.orders([cls.customer], goods, 3)
        cls.customer.user = User.objects.create_user("ann", password="secret")
        cls.customer.save()

    def test_not_logged_in(self):
        self.assertEqual(self.client.get("/account/").status_code, 302)

    def test_account(self):
        self.client.login(username="ann", password="secret")
        self.assertEqual(self.client.get("/account/").json()["items"], 9)

    def test_after_logging_out(self):
        self.client.force_login(self.customer.user)
        self.assertEqual(self.client.get("/account/").status_code, 200)
        self.client.logout()
        self.assertEqual(self.client.get("/account/").status_code, 302)

    def test_wrong_password(self):
        self.assertFalse(self.client.login(username="ann", password="guessed"))

"""Money, one request at a time: nothing deadlocks here."""

from django.test import TestCase, TransactionTestCase
from payments import charges, refunds, transfers
from payments.models import Account, Budget, Charge, Ledger, Payout, Till
from shop import samples


def accounts(count):
    """Accounts of as many customers, with a hundred in each."""
    buyers = samples.customers(count)
    return Account.objects.bulk_create(Account(customer=buyer, cents=10_000) for buyer in buyers)


class Charges(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.accounts = accounts(3)
        cls.ghent, cls.turku = Till.objects.bulk_create([Till(city="Ghent"), Till(city="Turku")])

    def test_charge(self):
        """Planted, one half: the account, then the till."""
        account = self.accounts[0]
        asked = {"till": self.ghent.pk, "cents": 1_500}
        response = self.client.post(f"/accounts/{account.pk}/charge/", asked, content_type="application/json")
        self.assertEqual(response.status_code, 201)
        account.refresh_from_db()
        self.assertEqual(account.cents, 8_500)

    def test_not_enough(self):
        with self.assertRaises(ValueError):
            charges.charge(self.accounts[1].pk, self.ghent.pk, 99_999)
        self.assertEqual(Charge.objects.count(), 0)


class Refunds(TestCase):
    @classmethod
    def setUpTestData(cls):
        account = accounts(1)[0]
        till = Till.objects.create(city="Porto", cents=2_000)
        cls.charge = Charge.objects.create(account=account, till=till, cents=2_000)

    def test_refund(self):
        """Planted, the other half: the till, then the account."""
        self.assertEqual(self.client.post(f"/charges/{self.charge.pk}/refund/").json(), {"cents": 2_000})
        self.assertEqual(Till.objects.get().cents, 0)

    def test_only_once(self):
        refunds.refund(self.charge.pk)
        with self.assertRaises(Charge.DoesNotExist):
            refunds.refund(self.charge.pk)

    def test_asked_beforehand(self):
        self.assertTrue(refunds.refund_is_possible(self.charge.pk))


class Transfers(TestCase):
    """Between accounts and budgets, in both directions."""

    @classmethod
    def setUpTestData(cls):
        cls.accounts = accounts(4)
        Ledger.objects.create(year=2026)
        Budget.objects.bulk_create(Budget(name=name, cents=500) for name in ("rent", "books", "travel"))

    def test_upwards(self):
        first, second = self.accounts[:2]
        asked = {"target": second.pk, "cents": 100}
        self.client.post(f"/accounts/{first.pk}/transfer/", asked, content_type="application/json")
        second.refresh_from_db()
        self.assertEqual(second.cents, 10_100)

    def test_downwards(self):
        first, second = self.accounts[2:]
        transfers.transfer(second.pk, first.pk, 100)
        first.refresh_from_db()
        self.assertEqual(first.cents, 10_100)

    def test_total(self):
        self.assertEqual(transfers.total_of([account.pk for account in self.accounts]), 40_000)

    def test_budgets(self):
        transfers.move_budget(2026, "rent", "books", 50)
        self.assertEqual(Budget.objects.get(name="books").cents, 550)

    def test_budgets_back(self):
        transfers.move_budget(2026, "books", "rent", 50)
        self.assertEqual(Ledger.objects.get().moves, 1)


class Payouts(TransactionTestCase):
    """Workers commit what they have done, and the tables are emptied after it."""

    def test_worked_off(self):
        Payout.objects.bulk_create(Payout(account=account, cents=300) for account in accounts(2))
        self.assertIsNotNone(transfers.pay_out())
        self.assertIsNotNone(transfers.pay_out())
        self.assertIsNone(transfers.pay_out())
        self.assertEqual(set(Account.objects.values_list("cents", flat=True)), {9_700})

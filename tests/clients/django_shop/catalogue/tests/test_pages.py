"""The pages about products."""

from catalogue.models import Category, Product
from django.test import TestCase
from shop import samples


class HomePage(TestCase):
    """Everybody's first page: the same statement, once in each of many tests."""

    @classmethod
    def setUpTestData(cls):
        samples.products(8)

    def newest(self):
        response = self.client.get("/")
        self.assertEqual(response.status_code, 200)
        return list(response.json())

    def test_answers(self):
        self.assertTrue(self.newest())

    def test_shows_five(self):
        self.assertEqual(len(self.newest()), 5)

    def test_newest_first(self):
        self.assertEqual(self.newest()[0], "Product 7")

    def test_leaves_out_the_oldest(self):
        self.assertNotIn("Product 0", self.newest())

    def test_one_that_has_just_arrived(self):
        category = Category.objects.first()
        Product.objects.create(name="Just in", slug="just-in", category=category, price=1)
        self.assertEqual(self.newest()[0], "Just in")

    def test_one_that_is_gone(self):
        Product.objects.filter(name="Product 7").delete()
        self.assertEqual(self.newest()[0], "Product 6")

    def test_another_name(self):
        Product.objects.filter(name="Product 7").update(name="Renamed")
        self.assertEqual(self.newest()[0], "Renamed")


class ProductPage(TestCase):
    """A product's page: another product in each test, all of them from the rows made for the class."""

    @classmethod
    def setUpTestData(cls):
        cls.goods = samples.products(9)

    def page(self, place):
        return self.client.get(f"/products/{self.goods[place].id}/")

    def test_name(self):
        self.assertEqual(self.page(0).json()["name"], "Product 0")

    def test_category(self):
        self.assertEqual(self.page(1).json()["category"], "Category 1")

    def test_stars(self):
        self.assertEqual(self.page(2).json()["stars"], 3.5)

    def test_without_reviews(self):
        self.goods[3].reviews.all().delete()
        self.assertIsNone(self.page(3).json()["stars"])

    def test_another_price(self):
        Product.objects.filter(pk=self.goods[4].pk).update(price=99)
        self.assertEqual(self.page(4).status_code, 200)

    def test_renamed(self):
        Product.objects.filter(pk=self.goods[5].pk).update(name="Renamed")
        self.assertEqual(self.page(5).json()["name"], "Renamed")

    def test_other_category(self):
        self.assertEqual(self.page(6).json()["category"], "Category 0")

    def test_last_one(self):
        self.assertEqual(self.page(8).json()["name"], "Product 8")

    def test_no_such_product(self):
        self.assertEqual(self.client.get("/products/999999/").status_code, 404)


class ProductLists(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.goods = samples.products(10)

    def test_list(self):
        page = self.client.get("/products/")
        self.assertContains(page, "<h2>", count=10)
        self.assertContains(page, "<blockquote>", count=20)

    def test_reviews(self):
        """Planted: ten products, and the reviews of each."""
        self.assertContains(self.client.get("/reviews/"), "<blockquote>", count=20)

    def test_carts_of_every_size(self):
        """The same statement for one, three and five keys."""
        for count in (1, 3, 5):
            keys = ",".join(str(product.id) for product in self.goods[:count])
            self.assertEqual(len(self.client.get(f"/products/by-id/?ids={keys}").json()), count)

    def test_every_page_of_the_api(self):
        """Keyset paging: the key of a page is the last one of the page before."""
        seen, after = [], 0
        while after is not None:
            page = self.client.get(f"/api/products/?after={after}").json()
            seen += page["ids"]
            after = page["next"]
        self.assertEqual(seen, [product.id for product in self.goods])


class Categories(TestCase):
    def test_breadcrumbs(self):
        """A walk up a tree: each step is known by the one before."""
        category = None
        for name in ("Home", "Garden", "Tools", "Spades"):
            category = Category.objects.create(name=name, parent=category)
        response = self.client.get(f"/categories/{category.id}/path/")
        self.assertEqual(response.json()["path"], ["Home", "Garden", "Tools", "Spades"])

    def test_categories(self):
        """Planted: four categories, the products of each, and the tags of each of the twelve."""
        samples.products(12, categories=4)
        shown = self.client.get("/categories/").json()
        self.assertEqual([len(products) for products in shown.values()], [3, 3, 3, 3])
        self.assertEqual(shown["Category 0"]["Product 0"], ["new", "sale"])

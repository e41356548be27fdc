"""Rows for the tests, written with few statements."""

from catalogue.models import Category, Product, Review, Tag
from customers.models import Address, Customer
from orders.models import Line, Order, Setting


def customers(count):
    """Customers with two addresses each."""
    made = Customer.objects.bulk_create(
        Customer(name=f"Customer {n:02}", email=f"customer{n}@example.com") for n in range(count)
    )
    Address.objects.bulk_create(
        Address(customer=customer, street=f"{n} Long Lane", city=city)
        for n, customer in enumerate(made)
        for city in ("Ghent", "Turku")
    )
    return made


def products(count, categories=2):
    """Products in categories of their own, each with two tags and two reviews."""
    made = Category.objects.bulk_create(Category(name=f"Category {n}") for n in range(categories))
    tags = Tag.objects.bulk_create(Tag(name=name) for name in ("new", "sale", "gift"))
    goods = Product.objects.bulk_create(
        Product(name=f"Product {n}", slug=f"product-{n}", category=made[n % categories], price=10 + n, stock=50)
        for n in range(count)
    )
    Product.tags.through.objects.bulk_create(
        Product.tags.through(product=product, tag=tags[(n + k) % 3]) for n, product in enumerate(goods) for k in (0, 1)
    )
    Review.objects.bulk_create(
        Review(product=product, stars=3 + k, text=f"{product.name} is worth {3 + k} stars")
        for product in goods
        for k in (0, 1)
    )
    return goods


def orders(buyers, goods, count):
    """Orders of two lines each, by one buyer after the other."""
    Setting.objects.create(key="currency", value="EUR")
    made = Order.objects.bulk_create(
        Order(customer=buyers[n % len(buyers)], number=f"A{n:05}") for n in range(count)
    )
    Line.objects.bulk_create(
        Line(order=order, product=goods[(n + k) % len(goods)], quantity=1 + k)
        for n, order in enumerate(made)
        for k in (0, 1)
    )
    return made

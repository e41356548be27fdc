"""Pages about products."""

from django.db.models import Avg, Prefetch
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, render

from .models import Category, Product, Review


def home(request):
    """The newest products: the same statement for everybody."""
    newest = Product.objects.select_related("category").order_by("-id")[:5]
    return JsonResponse({p.name: p.category.name for p in newest})


def product_list(request):
    """Products with tags and reviews, fetched together."""
    reviews = Prefetch("reviews", Review.objects.order_by("id"))
    products = Product.objects.select_related("category").prefetch_related("tags", reviews).order_by("id")
    return render(request, "catalogue/product_list.html", {"products": products})


def reviewed_products(request):
    """Products with their reviews. Planted: the template asks for the reviews of each."""
    products = Product.objects.select_related("category").order_by("id")
    return render(request, "catalogue/reviewed_products.html", {"products": products})


def product_detail(request, product_id):
    """One product, by its key."""
    product = get_object_or_404(Product.objects.select_related("category"), pk=product_id)
    stars = product.reviews.aggregate(stars=Avg("stars"))["stars"]
    return JsonResponse({"name": product.name, "category": product.category.name, "stars": stars})


def products_by_id(request):
    """A few products at once: a list of keys, as long as the cart is."""
    ids = [int(key) for key in request.GET["ids"].split(",")]
    return JsonResponse({p.id: p.name for p in Product.objects.filter(id__in=ids)})


def categories(request):
    """The top categories with their products. Planted: products by category, and tags by product."""
    shown = {}
    for category in Category.objects.filter(parent=None).order_by("id"):
        products = category.products.order_by("id")
        shown[category.name] = {p.name: [tag.name for tag in p.tags.all()] for p in products}
    return JsonResponse(shown)


def category_path(request, category_id):
    """The breadcrumbs of a category: each step up is known by the one before."""
    path = []
    category = Category.objects.get(pk=category_id)
    while category:
        path.insert(0, category.name)
        category = category.parent
    return JsonResponse({"path": path})


def product_api(request):
    """Products after a key: the next page begins where the last one ended."""
    after = int(request.GET.get("after", 0))
    products = list(Product.objects.filter(id__gt=after).order_by("id")[:4])
    return JsonResponse({"ids": [p.id for p in products], "next": products[-1].id if len(products) == 4 else None})

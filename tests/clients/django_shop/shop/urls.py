"""Every page of the shop."""

from catalogue import views as catalogue
from customers import views as customers
from django.urls import path
from orders import views as orders
from payments import views as payments

urlpatterns = [
    path("", catalogue.home),
    path("products/", catalogue.product_list),
    path("products/<int:product_id>/", catalogue.product_detail),
    path("products/by-id/", catalogue.products_by_id),
    path("reviews/", catalogue.reviewed_products),
    path("categories/", catalogue.categories),
    path("categories/<int:category_id>/path/", catalogue.category_path),
    path("api/products/", catalogue.product_api),
    path("customers/", customers.customer_list),
    path("customers/summary/", customers.summary),
    path("customers/activity/", customers.activity),
    path("account/", customers.account),
    path("orders/", orders.latest),
    path("orders/board/", orders.board),
    path("orders/place/", orders.place),
    path("orders/<int:order_id>/", orders.detail),
    path("orders/<int:order_id>/receipt/", orders.receipt),
    path("orders/<int:order_id>/ship/", orders.ship),
    path("orders/export/", orders.export),
    path("jobs/<uuid:job_id>/", orders.job_status),
    path("accounts/<int:account_id>/charge/", payments.charge),
    path("accounts/<int:account_id>/transfer/", payments.transfer),
    path("charges/<int:charge_id>/refund/", payments.refund),
]

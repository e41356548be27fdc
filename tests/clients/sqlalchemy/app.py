"""The pages on SQLAlchemy 2: app.py DRIVER looped|eager PAGE, DRIVER such as psycopg or psycopg2.

Looped, the relationships load lazily; eager, by selectinload or joinedload.
"""

import os
import sys

from sqlalchemy import ForeignKey, create_engine, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list["Order"]] = relationship(back_populates="user", order_by="Order.id")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    status: Mapped[str]
    created_at: Mapped[str]
    user: Mapped[User] = relationship(back_populates="orders")
    items: Mapped[list["Item"]] = relationship(order_by="Item.id")

    def show_items(self):
        return f"#{self.id}: " + " ".join(f"{item.quantity}x{item.product_id}" for item in self.items)


class Item(Base):
    __tablename__ = "order_items"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    product_id: Mapped[int]
    quantity: Mapped[int]


def recent_orders(session, looped):
    query = select(Order).order_by(Order.created_at.desc()).limit(20)
    if not looped:
        query = query.options(joinedload(Order.user))
    for order in session.scalars(query):
        print(f"#{order.id} {order.status} {order.user.name}")


def order_counts(session, looped):
    users = session.scalars(select(User).order_by(User.id).limit(20)).all()
    if looped:
        counts = {u.id: session.scalar(select(func.count()).where(Order.user_id == u.id)) for u in users}
    else:
        query = select(Order.user_id, func.count()).where(Order.user_id.in_([u.id for u in users]))
        counts = dict(session.execute(query.group_by(Order.user_id)).tuples().all())
    for user in users:
        print(f"{user.name}: {counts[user.id]} orders")


def order_items(session, looped):
    query = select(Order).order_by(Order.created_at.desc()).limit(15)
    if not looped:
        query = query.options(selectinload(Order.items))
    for order in session.scalars(query):
        print(order.show_items())


def nested(session, looped):
    query = select(User).order_by(User.id).limit(5)
    if not looped:
        query = query.options(selectinload(User.orders).selectinload(Order.items))
    for user in session.scalars(query):
        print(user.name)
        for order in user.orders:
            print(f"  {order.show_items()}")


def ship_orders(session, looped):
    query = select(Order).where(Order.status == "pending").order_by(Order.id).limit(12)
    found = session.scalars(query).all()
    orders = [order.id for order in found]
    if looped:
        for order in found:
            order.status = "shipped"
    else:
        session.execute(update(Order).where(Order.id.in_(orders)).values(status="shipped"))
    left = session.scalar(select(func.count()).where(Order.status == "pending"))
    session.commit()
    print(f"shipped {orders}, {left} left")


if __name__ == "__main__":
    driver, version, page = sys.argv[1:]
    url = os.environ["DATABASE_URL"].replace("postgresql://", f"postgresql+{driver}://")
    with Session(create_engine(url)) as session:
        globals()[page](session, version == "looped")

-- The shop as it was first released: keys and checks, and no index beyond those of the primary keys.

CREATE TABLE users (
    id          bigint PRIMARY KEY,
    email       text NOT NULL,
    name        text NOT NULL,
    phone       text,
    street      text NOT NULL,
    city        text NOT NULL,
    country     text NOT NULL CHECK (length(country) = 2),
    newsletter  boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL
);

CREATE TABLE products (
    id           bigint PRIMARY KEY,
    sku          text NOT NULL,
    name         text NOT NULL,
    category     text NOT NULL,
    description  text NOT NULL,
    price        numeric(10, 2) NOT NULL CHECK (price >= 0),
    active       boolean NOT NULL DEFAULT true
);

CREATE TABLE inventory (
    id             bigint PRIMARY KEY,
    product_id     bigint NOT NULL REFERENCES products (id),
    warehouse_id   integer NOT NULL CHECK (warehouse_id > 0),
    quantity       integer NOT NULL CHECK (quantity >= 0),
    reorder_level  integer NOT NULL CHECK (reorder_level >= 0),
    shelf          text NOT NULL,
    counted_at     timestamptz NOT NULL
);

CREATE TABLE orders (
    id                bigint PRIMARY KEY,
    user_id           bigint NOT NULL REFERENCES users (id),
    status            text NOT NULL
                      CHECK (status IN ('pending', 'paid', 'shipped', 'delivered', 'cancelled')),
    total             numeric(10, 2) NOT NULL CHECK (total >= 0),
    currency          text NOT NULL DEFAULT 'EUR' CHECK (length(currency) = 3),
    shipping_name     text NOT NULL,
    shipping_street   text NOT NULL,
    shipping_city     text NOT NULL,
    notes             text,
    created_at        timestamptz NOT NULL,
    shipped_at        timestamptz CHECK (shipped_at >= created_at)
);

CREATE TABLE order_items (
    id          bigint PRIMARY KEY,
    order_id    bigint NOT NULL REFERENCES orders (id),
    product_id  bigint NOT NULL REFERENCES products (id),
    quantity    integer NOT NULL CHECK (quantity > 0),
    unit_price  numeric(10, 2) NOT NULL CHECK (unit_price >= 0)
);

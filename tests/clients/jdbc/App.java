// The pages on PostgreSQL's JDBC driver: App.java [--simple|--cursor] looped|eager PAGE.
//
// After five executions the driver prepares a statement under a name, and from then on asks for
// binary values. --simple never does, and writes the values into the text. --cursor reads the rows
// of the first statement five at a time from an open portal.

import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;

class App {
    static boolean looped;
    static boolean cursor;

    public static void main(String[] arguments) throws SQLException {
        List<String> words = List.of(arguments);
        looped = words.get(words.size() - 2).equals("looped");
        cursor = words.contains("--cursor");
        URI url = URI.create(System.getenv("DATABASE_URL"));
        String[] user = url.getUserInfo().split(":", 2);
        Properties properties = new Properties();
        properties.setProperty("user", user[0]);
        properties.setProperty("password", user[1]);
        if (words.contains("--simple")) {
            properties.setProperty("preferQueryMode", "simple");
        }
        String address = "jdbc:postgresql://" + url.getHost() + ":" + url.getPort() + url.getPath();
        try (Connection connection = DriverManager.getConnection(address, properties)) {
            connection.setAutoCommit(false);
            switch (words.get(words.size() - 1)) {
                case "recent_orders" -> recentOrders(connection);
                case "order_counts" -> orderCounts(connection);
                case "order_items" -> orderItems(connection);
                case "ship_orders" -> shipOrders(connection);
                default -> throw new IllegalArgumentException("no such page");
            }
            connection.commit();
        }
    }

    static void recentOrders(Connection connection) throws SQLException {
        if (!looped) {
            String joined = "SELECT o.id, o.status, u.name FROM orders o JOIN users u ON u.id = o.user_id"
                + " ORDER BY o.created_at DESC LIMIT 20";
            for (List<Object> row : rows(connection, joined)) {
                System.out.println("#" + row.get(0) + " " + row.get(1) + " " + row.get(2));
            }
            return;
        }
        String latest = "SELECT id, user_id, status FROM orders ORDER BY created_at DESC LIMIT 20";
        try (PreparedStatement orders = connection.prepareStatement(latest);
             PreparedStatement name = connection.prepareStatement("SELECT name FROM users WHERE id = ?")) {
            orders.setFetchSize(cursor ? 5 : 0);
            ResultSet found = orders.executeQuery();
            while (found.next()) {
                name.setLong(1, found.getLong("user_id"));
                Object user = all(name.executeQuery()).get(0).get(0);
                System.out.println("#" + found.getLong("id") + " " + found.getString("status") + " " + user);
            }
        }
    }

    static void orderCounts(Connection connection) throws SQLException {
        if (!looped) {
            String counted = "SELECT u.name, count(o.id) FROM users u LEFT JOIN orders o ON o.user_id = u.id"
                + " GROUP BY u.id ORDER BY u.id LIMIT 20";
            for (List<Object> row : rows(connection, counted)) {
                System.out.println(row.get(0) + ": " + row.get(1) + " orders");
            }
            return;
        }
        for (List<Object> user : rows(connection, "SELECT id, name FROM users ORDER BY id LIMIT 20")) {
            Object count = rows(connection, "SELECT count(*) FROM orders WHERE user_id = ?", user.get(0)).get(0).get(0);
            System.out.println(user.get(1) + ": " + count + " orders");
        }
    }

    static void orderItems(Connection connection) throws SQLException {
        List<Object> orders = new ArrayList<>();
        for (List<Object> row : rows(connection, "SELECT id FROM orders ORDER BY created_at DESC LIMIT 15")) {
            orders.add(row.get(0));
        }
        Map<Object, List<List<Object>>> items = new LinkedHashMap<>();
        if (looped) {
            String one = "SELECT order_id, quantity, product_id FROM order_items WHERE order_id = ? ORDER BY id";
            for (Object order : orders) {
                items.put(order, rows(connection, one, order));
            }
        } else {
            String batch = "SELECT order_id, quantity, product_id FROM order_items WHERE order_id = ANY (?) ORDER BY id";
            Object keys = connection.createArrayOf("bigint", orders.toArray());
            items = rows(connection, batch, keys).stream().collect(Collectors.groupingBy(row -> row.get(0)));
        }
        for (Object order : orders) {
            System.out.println("#" + order + ": " + items.get(order).stream()
                .map(item -> item.get(1) + "x" + item.get(2)).collect(Collectors.joining(" ")));
        }
    }

    static void shipOrders(Connection connection) throws SQLException {
        List<Object> orders = new ArrayList<>();
        for (List<Object> row : rows(connection, "SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 12")) {
            orders.add(row.get(0));
        }
        String one = "UPDATE orders SET status = 'shipped' WHERE id = ?";
        String batch = "UPDATE orders SET status = 'shipped' WHERE id = ANY (?)";
        try (PreparedStatement update = connection.prepareStatement(looped ? one : batch)) {
            if (looped) {
                // A batch of the driver's is sent at once, and still a statement for each.
                for (Object order : orders) {
                    update.setObject(1, order);
                    update.addBatch();
                }
                update.executeBatch();
            } else {
                update.setObject(1, connection.createArrayOf("bigint", orders.toArray()));
                update.executeUpdate();
            }
        }
        Object left = rows(connection, "SELECT count(*) FROM orders WHERE status = 'pending'").get(0).get(0);
        System.out.println("shipped " + orders + ", " + left + " left");
    }

    static List<List<Object>> rows(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int n = 0; n < values.length; n++) {
                statement.setObject(n + 1, values[n]);
            }
            return all(statement.executeQuery());
        }
    }

    static List<List<Object>> all(ResultSet found) throws SQLException {
        List<List<Object>> rows = new ArrayList<>();
        while (found.next()) {
            List<Object> row = new ArrayList<>();
            for (int column = 1; column <= found.getMetaData().getColumnCount(); column++) {
                row.add(found.getObject(column));
            }
            rows.add(row);
        }
        return rows;
    }
}

<?php
// The pages on PHP's PDO: app.php [--emulate] looped|eager PAGE.
// PDO prepares every statement on the server under a name of its own; with --emulate it writes the
// values into the text.

[$version, $page] = array_slice($argv, -2);
$looped = $version === 'looped';
$url = parse_url(getenv('DATABASE_URL'));
$source = sprintf('pgsql:host=%s;port=%d;dbname=%s', $url['host'], $url['port'], ltrim($url['path'], '/'));
$pdo = new PDO($source, $url['user'], $url['pass'], [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
    PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
    PDO::ATTR_EMULATE_PREPARES => in_array('--emulate', $argv),
]);

function rows(string $sql, array $values = []): array
{
    global $pdo;
    $statement = $pdo->prepare($sql);
    $statement->execute($values);
    return $statement->columnCount() ? $statement->fetchAll() : [];
}

function marks(array $values): string
{
    return implode(', ', array_fill(0, count($values), '?'));
}

function show(array $items): string
{
    return implode(' ', array_map(fn ($item) => "{$item['quantity']}x{$item['product_id']}", $items));
}

function recent_orders(bool $looped): void
{
    $orders = rows('SELECT id, user_id, status FROM orders ORDER BY created_at DESC LIMIT 20');
    $ids = array_column($orders, 'user_id');
    $names = $looped ? [] : array_column(rows('SELECT id, name FROM users WHERE id IN (' . marks($ids) . ')', $ids), 'name', 'id');
    foreach ($orders as $order) {
        $name = $looped
            ? rows('SELECT name FROM users WHERE id = ?', [$order['user_id']])[0]['name']
            : $names[$order['user_id']];
        echo "#{$order['id']} {$order['status']} $name\n";
    }
}

function order_counts(bool $looped): void
{
    if (!$looped) {
        $counted = 'SELECT u.name, count(o.id) FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id ORDER BY u.id LIMIT 20';
        foreach (rows($counted) as $row) {
            echo "{$row['name']}: {$row['count']} orders\n";
        }
        return;
    }
    // The statement is prepared once and executed for each user.
    global $pdo;
    $count = $pdo->prepare('SELECT count(*) FROM orders WHERE user_id = :user');
    foreach (rows('SELECT id, name FROM users ORDER BY id LIMIT 20') as $user) {
        $count->execute(['user' => $user['id']]);
        echo "{$user['name']}: {$count->fetchColumn()} orders\n";
    }
}

function order_items(bool $looped): void
{
    $orders = array_column(rows('SELECT id FROM orders ORDER BY created_at DESC LIMIT 15'), 'id');
    $batch = 'SELECT * FROM order_items WHERE order_id IN (' . marks($orders) . ') ORDER BY id';
    $all = $looped ? [] : rows($batch, $orders);
    foreach ($orders as $order) {
        $items = $looped
            ? rows('SELECT * FROM order_items WHERE order_id = ? ORDER BY id', [$order])
            : array_filter($all, fn ($item) => $item['order_id'] === $order);
        echo "#$order: " . show($items) . "\n";
    }
}

function ship_orders(bool $looped): void
{
    $orders = array_column(rows("SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 12"), 'id');
    if ($looped) {
        foreach ($orders as $order) {
            rows("UPDATE orders SET status = 'shipped' WHERE id = ?", [$order]);
        }
    } else {
        rows("UPDATE orders SET status = 'shipped' WHERE id IN (" . marks($orders) . ')', $orders);
    }
    $left = rows("SELECT count(*) FROM orders WHERE status = 'pending'")[0]['count'];
    echo 'shipped ' . implode(', ', $orders) . ", $left left\n";
}

$page($looped);

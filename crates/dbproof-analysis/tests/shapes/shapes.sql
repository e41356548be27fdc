-- One statement for each shape of plan, captured on every version by scripts/capture-plans.
--
-- `-- name:` begins a shape; `-- set:` lines are settings for it alone; `-- since:` names the oldest
-- version that knows the statement. Parallel workers and JIT are off unless a shape turns them on.

-- name: seq_scan
SELECT * FROM orders WHERE total + 0 > 900;

-- name: index_scan
-- set: enable_bitmapscan = off
SELECT * FROM orders WHERE user_id = 42;

-- name: index_scan_backward
SELECT * FROM orders WHERE user_id = 42 ORDER BY created_at DESC LIMIT 5;

-- name: sort_instead
-- set: enable_indexscan = off
SELECT * FROM orders WHERE user_id = 42 ORDER BY created_at DESC LIMIT 5;

-- name: index_only_scan
SELECT user_id FROM orders WHERE user_id BETWEEN 40 AND 60;

-- name: index_only_scan_lost
-- set: enable_indexonlyscan = off
-- set: enable_bitmapscan = off
-- set: enable_seqscan = off
SELECT user_id FROM orders WHERE user_id BETWEEN 40 AND 60;

-- name: seq_scan_dearer
-- set: seq_page_cost = 40
SELECT * FROM orders WHERE total + 0 > 900;

-- name: filter_in_index
SELECT * FROM orders WHERE status < 4 AND total < 20;

-- name: filter_after_index
-- set: enable_seqscan = off
SELECT * FROM orders WHERE status < 4 AND total + 0 < 20;

-- name: estimate_right
SELECT * FROM orders WHERE status = status;

-- name: estimate_wrong
SELECT * FROM orders WHERE abs(status) = abs(status + 0);

-- name: estimate_right_limited
SELECT * FROM orders WHERE status = status LIMIT 5;

-- name: estimate_wrong_limited
SELECT * FROM orders WHERE abs(status) = abs(status + 0) LIMIT 5;

-- name: index_only_heap_fetches
-- set: enable_seqscan = off
-- set: enable_bitmapscan = off
SELECT id FROM stale WHERE id BETWEEN 1000 AND 3000;

-- name: bitmap_scan
SELECT * FROM orders WHERE status = 3;

-- name: bitmap_scan_lost
-- set: enable_bitmapscan = off
-- set: enable_indexscan = off
SELECT * FROM orders WHERE status = 3;

-- name: bitmap_few
SELECT * FROM orders WHERE user_id = 42;

-- name: bitmap_few_lost
-- set: enable_bitmapscan = off
-- set: enable_indexscan = off
SELECT * FROM orders WHERE user_id = 42;

-- name: bitmap_or
SELECT * FROM orders WHERE user_id = 42 OR id BETWEEN 100 AND 140;

-- name: bitmap_and
-- set: enable_indexscan = off
-- set: enable_seqscan = off
SELECT * FROM orders WHERE id BETWEEN 100 AND 4000 AND status = 3;

-- name: bitmap_lossy
-- set: work_mem = '64kB'
-- set: enable_seqscan = off
-- set: enable_indexscan = off
SELECT * FROM order_items WHERE order_id < 15000;

-- name: tid_scan
SELECT * FROM orders WHERE ctid = '(3,4)';

-- name: tid_range_scan
SELECT * FROM orders WHERE ctid < '(3,1)';

-- name: sample_scan
SELECT * FROM orders TABLESAMPLE SYSTEM (10) REPEATABLE (7);

-- name: function_scan
SELECT * FROM generate_series(1, 100) AS numbers WHERE numbers % 3 = 0;

-- name: values_scan
SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) AS listed (id, label) WHERE id > 1;

-- name: result_one_time_filter
SELECT * FROM orders WHERE current_setting('work_mem') = 'none';

-- name: result_constant
SELECT 1 + 1, now();

-- name: skip_scan
SELECT * FROM orders WHERE total > 900;

-- name: skip_scan_lost
-- set: enable_bitmapscan = off
-- set: enable_indexscan = off
SELECT * FROM orders WHERE total > 900;

-- name: in_list
SELECT * FROM orders WHERE id IN (3, 14, 159, 2653, 5897);

-- name: self_join_inner_unique
-- set: enable_hashjoin = off
-- set: enable_mergejoin = off
-- set: enable_indexscan = off
-- set: enable_bitmapscan = off
-- set: enable_indexonlyscan = off
-- set: enable_memoize = off
-- set: enable_material = off
SELECT u.email, m.email FROM users u LEFT JOIN users m ON m.id = u.manager_id WHERE u.id < 8;

-- name: self_join
SELECT u.email, m.email FROM users u JOIN users m ON m.id = u.manager_id WHERE u.country = 7;

-- name: self_join_three
SELECT a.id, b.id, c.id FROM users a
JOIN users b ON b.manager_id = a.id JOIN users c ON c.manager_id = b.id WHERE a.id < 5;

-- name: self_join_on_key
SELECT a.email, b.note FROM users a JOIN users b ON b.id = a.id WHERE a.country = 7;

-- name: hash_join
-- set: enable_mergejoin = off
-- set: enable_nestloop = off
SELECT u.email, o.total FROM orders o JOIN users u ON u.id = o.user_id WHERE o.total > 500;

-- name: hash_join_swapped
-- set: enable_mergejoin = off
-- set: enable_nestloop = off
SELECT u.email, o.total FROM users u JOIN orders o ON u.id = o.user_id WHERE o.total > 500;

-- name: merge_join
-- set: enable_hashjoin = off
-- set: enable_nestloop = off
SELECT u.email, o.total FROM orders o JOIN users u ON u.id = o.user_id WHERE o.total > 500;

-- name: nested_loop
SELECT u.email, o.total FROM users u JOIN orders o ON u.id = o.user_id WHERE u.id BETWEEN 5 AND 9;

-- name: hash_join_seq
-- set: enable_nestloop = off
-- set: enable_mergejoin = off
-- set: enable_indexscan = off
-- set: enable_indexonlyscan = off
-- set: enable_bitmapscan = off
SELECT u.email, o.total FROM users u JOIN orders o ON u.id = o.user_id WHERE u.id BETWEEN 5 AND 9;

-- name: nested_loop_seq
-- set: enable_hashjoin = off
-- set: enable_mergejoin = off
-- set: enable_indexscan = off
-- set: enable_indexonlyscan = off
-- set: enable_bitmapscan = off
-- set: enable_material = off
SELECT u.email, o.total FROM users u JOIN orders o ON u.id = o.user_id WHERE u.id BETWEEN 5 AND 9;

-- name: loops_few
-- set: enable_hashjoin = off
-- set: enable_mergejoin = off
-- set: enable_memoize = off
SELECT count(*) FROM orders o JOIN users u ON u.id = o.user_id WHERE o.id < 20;

-- name: loops_many
-- set: enable_hashjoin = off
-- set: enable_mergejoin = off
-- set: enable_memoize = off
SELECT count(*) FROM orders o JOIN users u ON u.id = o.user_id WHERE o.id < 2000;

-- name: hash_left_join
SELECT u.email, count(o.id) FROM users u LEFT JOIN orders o ON o.user_id = u.id AND o.status = 3
GROUP BY u.email;

-- name: semi_join
SELECT * FROM users u WHERE EXISTS (SELECT FROM orders o WHERE o.user_id = u.id AND o.total > 990);

-- name: anti_join
SELECT * FROM users u WHERE NOT EXISTS (SELECT FROM orders o WHERE o.user_id = u.id AND o.total > 100);

-- name: full_join
SELECT count(*) FROM users u FULL JOIN (SELECT * FROM orders WHERE status = 1) o ON o.user_id = u.id;

-- name: join_order
SELECT u.email, p.name, i.quantity FROM users u
JOIN orders o ON o.user_id = u.id JOIN order_items i ON i.order_id = o.id
JOIN products p ON p.id = i.product_id WHERE u.id = 77;

-- name: join_order_rewritten
SELECT u.email, p.name, i.quantity FROM products p
JOIN order_items i ON p.id = i.product_id JOIN orders o ON i.order_id = o.id
JOIN users u ON o.user_id = u.id WHERE u.id = 77;

-- name: join_order_forced
-- set: join_collapse_limit = 1
SELECT u.email, p.name, i.quantity FROM products p
JOIN order_items i ON p.id = i.product_id JOIN orders o ON i.order_id = o.id
JOIN users u ON o.user_id = u.id WHERE u.id = 77;

-- name: lateral
SELECT u.id, latest.created_at FROM users u
CROSS JOIN LATERAL (SELECT created_at FROM orders o WHERE o.user_id = u.id ORDER BY created_at DESC LIMIT 2) latest
WHERE u.country = 7;

-- name: memoize
-- set: enable_hashjoin = off
-- set: enable_mergejoin = off
SELECT o.id, u.email FROM orders o JOIN users u ON u.id = o.user_id WHERE o.status = 3;

-- name: materialize
-- set: enable_hashjoin = off
-- set: enable_mergejoin = off
-- set: enable_memoize = off
SELECT count(*) FROM tiny a JOIN products b ON b.price > a.id;

-- name: append
SELECT * FROM events WHERE at BETWEEN '2026-02-10' AND '2026-04-05' AND kind = 3;

-- name: append_one
SELECT * FROM events WHERE at = '2026-02-10';

-- name: append_all
SELECT * FROM events WHERE at + 0 = '2026-02-10';

-- name: merge_append
SELECT * FROM events ORDER BY at, id LIMIT 10;

-- name: merge_append_by_user
-- set: enable_sort = off
-- set: enable_incremental_sort = off
SELECT * FROM events WHERE user_id BETWEEN 10 AND 40 ORDER BY user_id;

-- name: pruned_at_start
SELECT * FROM events WHERE at = (SELECT max(created_at)::date - 60 FROM orders);

-- name: pruned_by_loop
-- set: enable_hashjoin = off
-- set: enable_mergejoin = off
-- set: enable_bitmapscan = off
SELECT d.at, count(*) FROM (VALUES (date '2026-01-03'), (date '2026-03-04')) AS d (at)
JOIN events e ON e.at = d.at GROUP BY d.at;

-- name: partitionwise_join
-- set: enable_partitionwise_join = on
SELECT count(*) FROM events e JOIN visits v ON v.at = e.at AND v.id = e.id WHERE e.at < '2026-03-01';

-- name: partitionwise_aggregate
-- set: enable_partitionwise_aggregate = on
SELECT at, count(*) FROM events GROUP BY at;

-- name: union_all
SELECT id FROM users WHERE country = 1 UNION ALL SELECT id FROM products WHERE price = 1;

-- name: union
SELECT country FROM users UNION SELECT status FROM orders;

-- name: intersect
SELECT country FROM users INTERSECT SELECT status FROM orders;

-- name: except
SELECT country FROM users EXCEPT ALL SELECT status FROM orders;

-- name: recursive
WITH RECURSIVE tree AS (
    SELECT id, parent_id FROM categories WHERE id = 3
    UNION ALL SELECT c.id, c.parent_id FROM categories c JOIN tree t ON c.parent_id = t.id
)
SELECT count(*) FROM tree;

-- name: recursive_up
WITH RECURSIVE path AS (
    SELECT id, parent_id FROM categories WHERE id = 399
    UNION SELECT c.id, c.parent_id FROM categories c JOIN path p ON c.id = p.parent_id
)
SELECT * FROM path JOIN categories USING (id);

-- name: cte_read_twice
WITH recent AS MATERIALIZED (SELECT * FROM orders WHERE status = 3)
SELECT a.user_id, count(*) FROM recent a JOIN recent b ON b.user_id = a.user_id GROUP BY a.user_id;

-- name: cte_kept_in_memory
-- set: work_mem = '16MB'
WITH kept AS MATERIALIZED (SELECT * FROM orders)
SELECT count(*) FROM kept a JOIN kept b ON b.id = a.id;

-- name: cte_kept_on_disk
-- set: work_mem = '1MB'
WITH kept AS MATERIALIZED (SELECT * FROM orders)
SELECT count(*) FROM kept a JOIN kept b ON b.id = a.id;

-- name: cte_stopped_early
WITH recent AS MATERIALIZED (SELECT * FROM orders ORDER BY id)
SELECT * FROM recent LIMIT 5;

-- name: cte_of_cte
WITH a AS MATERIALIZED (SELECT user_id, total FROM orders WHERE status < 5),
     b AS MATERIALIZED (SELECT user_id, sum(total) AS spent FROM a GROUP BY user_id)
SELECT (SELECT max(spent) FROM b), (SELECT count(*) FROM a), count(*) FROM b WHERE spent > 100;

-- name: ctes_of_one_name
SELECT (WITH t AS MATERIALIZED (SELECT total FROM orders WHERE status = 3) SELECT max(total) FROM t),
       (WITH t AS MATERIALIZED (SELECT price FROM products) SELECT max(price) FROM t) FROM tiny;

-- name: bitmap_with_subplan
SELECT * FROM orders o WHERE status = 3 AND (SELECT count(*) FROM order_items i WHERE i.order_id = o.id) > 1;

-- name: pruned_never_executed
SELECT * FROM tiny t JOIN events e ON e.user_id = t.id AND e.at > '2026-02-20' WHERE t.label = 'nobody';

-- name: cte_in_subplan
SELECT u.id, (WITH o AS MATERIALIZED (SELECT total FROM orders WHERE user_id = u.id) SELECT max(total) FROM o)
FROM users u WHERE u.id < 20;

-- name: cte_that_writes
WITH moved AS (DELETE FROM tiny WHERE id > 5 RETURNING id, label)
SELECT count(*) FROM moved;

-- name: init_plan
SELECT * FROM orders WHERE total > (SELECT avg(total) * 1.9 FROM orders);

-- name: init_plan_in_index_condition
SELECT * FROM orders WHERE id = (SELECT max(order_id) FROM order_items);

-- name: init_plan_in_limit
SELECT * FROM orders ORDER BY id LIMIT (SELECT count(*) FROM tiny);

-- name: init_plan_in_output
SELECT id, (SELECT count(*) FROM products) FROM tiny;

-- name: init_plan_of_two_columns
SELECT * FROM orders WHERE (status, total) = (SELECT status, total FROM orders WHERE id = 77);

-- name: init_plan_read_twice
SELECT * FROM users WHERE country = (SELECT max(status) FROM orders) OR id = (SELECT min(id) + 4 FROM orders);

-- name: init_plan_never_asked
SELECT * FROM tiny WHERE id < 0 AND id = (SELECT max(status) FROM orders);

-- name: init_plan_of_exists
SELECT * FROM tiny WHERE EXISTS (SELECT FROM orders WHERE total > 990);

-- name: subplan
SELECT u.id, (SELECT count(*) FROM orders o WHERE o.user_id = u.id) FROM users u WHERE u.country = 7;

-- name: subplan_in_filter
SELECT * FROM users u WHERE u.country = 7 AND (SELECT sum(total) FROM orders o WHERE o.user_id = u.id) > 4000;

-- name: subplan_nested
SELECT u.id, (SELECT sum(quantity * (SELECT price FROM products p WHERE p.id = i.product_id))
              FROM order_items i WHERE i.order_id = u.id) FROM users u WHERE u.id < 30;

-- name: hashed_subplan
SELECT * FROM users WHERE id NOT IN (SELECT user_id FROM orders WHERE total > 100);

-- name: alternative_subplans
SELECT id, EXISTS (SELECT FROM orders o WHERE o.user_id = u.id AND o.status = 3) FROM users u WHERE id < 1000;

-- name: array_subplan
SELECT u.id, ARRAY (SELECT o.id FROM orders o WHERE o.user_id = u.id) FROM users u WHERE u.id < 10;

-- name: correlated_in
SELECT * FROM users u WHERE u.id IN (SELECT o.user_id FROM orders o WHERE o.status = u.country);

-- name: sort
SELECT * FROM orders ORDER BY total, id;

-- name: sort_on_disk
-- set: work_mem = '64kB'
SELECT * FROM orders ORDER BY total, id;

-- name: top_n
SELECT * FROM orders ORDER BY total DESC LIMIT 10;

-- name: incremental_sort
SELECT * FROM orders ORDER BY user_id, total LIMIT 50;

-- name: incremental_sort_all
-- set: enable_seqscan = off
-- set: enable_sort = off
SELECT * FROM orders ORDER BY user_id, created_at, total;

-- name: hash_in_batches
-- set: work_mem = '64kB'
-- set: enable_mergejoin = off
-- set: enable_nestloop = off
SELECT u.email, o.total FROM orders o JOIN users u ON u.id = o.user_id WHERE o.total > 500;

-- name: aggregate_plain
SELECT count(*), sum(total) FROM orders;

-- name: aggregate_hashed
SELECT note, count(*) FROM orders GROUP BY note;

-- name: aggregate_hashed_on_disk
-- set: work_mem = '64kB'
-- set: enable_sort = off
-- set: enable_indexscan = off
-- set: enable_indexonlyscan = off
SELECT created_at, count(*) FROM orders GROUP BY created_at;

-- name: aggregate_sorted
-- set: enable_hashagg = off
SELECT note, count(*) FROM orders GROUP BY note;

-- name: aggregate_of_index_order
SELECT user_id, count(*) FROM orders GROUP BY user_id;

-- name: grouping_sets
SELECT status, user_id, count(*) FROM orders WHERE id < 2000 GROUP BY GROUPING SETS ((status), (user_id), ());

-- name: distinct
SELECT DISTINCT status FROM orders;

-- name: distinct_on
SELECT DISTINCT ON (user_id) user_id, total FROM orders WHERE user_id < 100 ORDER BY user_id, total;

-- name: aggregate_of_distinct
SELECT count(DISTINCT user_id) FROM orders;

-- name: window
SELECT id, sum(total) OVER (PARTITION BY user_id ORDER BY created_at) FROM orders WHERE user_id < 50;

-- name: window_run_condition
SELECT * FROM (SELECT id, row_number() OVER (PARTITION BY user_id ORDER BY created_at) AS n
               FROM orders WHERE user_id < 50) numbered WHERE n <= 2;

-- name: two_windows
SELECT id, rank() OVER (ORDER BY total), count(*) OVER (PARTITION BY status) FROM orders WHERE id < 500;

-- name: project_set
SELECT id, generate_series(1, 3) FROM tiny;

-- name: lock_rows
SELECT * FROM orders WHERE user_id = 42 FOR UPDATE;

-- name: limit
SELECT * FROM orders WHERE total > 900 LIMIT 10;

-- name: limit_of_join
SELECT o.id, u.email FROM orders o JOIN users u ON u.id = o.user_id ORDER BY o.id LIMIT 10;

-- name: never_executed
SELECT o.* FROM tiny t JOIN orders o ON o.user_id = t.id WHERE t.label = 'nobody';

-- name: never_executed_hash
-- set: enable_nestloop = off
-- set: enable_mergejoin = off
SELECT u.email, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE u.country = 999;

-- name: disabled_seq_scan
-- set: enable_seqscan = off
SELECT count(*) FROM audit;

-- name: disabled_nested_loop
-- set: enable_nestloop = off
SELECT count(*) FROM tiny a JOIN tiny b ON a.id < b.id;

-- name: disabled_sort
-- set: enable_sort = off
SELECT * FROM products ORDER BY price;

-- name: gather
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
SELECT count(*) FROM orders WHERE total > 100;

-- name: gather_not
SELECT count(*) FROM orders WHERE total > 100;

-- name: gather_merge
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
SELECT * FROM orders WHERE total > 400 ORDER BY total, id;

-- name: gather_without_leader
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_leader_participation = off
SELECT sum(total) FROM orders;

-- name: gather_of_no_workers
-- set: max_parallel_workers_per_gather = 2
-- set: max_parallel_workers = 0
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
SELECT sum(total) FROM orders;

-- name: parallel_hash_join
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
-- set: enable_mergejoin = off
-- set: enable_nestloop = off
SELECT o.status, sum(i.quantity) FROM orders o JOIN order_items i ON i.order_id = o.id GROUP BY o.status;

-- name: parallel_nested_loop
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
-- set: enable_hashjoin = off
-- set: enable_mergejoin = off
-- set: enable_memoize = off
SELECT count(*) FROM users u JOIN orders o ON o.user_id = u.id WHERE u.country < 5;

-- name: parallel_append
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
SELECT kind, count(*) FROM events GROUP BY kind;

-- name: parallel_index_scan
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: min_parallel_index_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
-- set: enable_seqscan = off
-- set: enable_bitmapscan = off
SELECT sum(total) FROM orders WHERE id < 15000;

-- name: parallel_bitmap_scan
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: min_parallel_index_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
-- set: enable_seqscan = off
-- set: enable_indexscan = off
SELECT sum(total) FROM orders WHERE status < 8;

-- name: parallel_init_plan
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
SELECT count(*) FROM orders WHERE total > (SELECT avg(price) FROM products);

-- name: parallel_subplan
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
SELECT count(*) FROM users u WHERE (SELECT count(*) FROM orders o WHERE o.user_id = u.id) > 9;

-- name: parallel_hashed_subplan
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
SELECT count(*) FROM orders WHERE user_id NOT IN (SELECT id FROM users WHERE country = 3);

-- name: gather_in_subplan
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
SELECT id, (SELECT avg(total) FROM orders) FROM tiny;

-- name: gather_in_cte
-- set: max_parallel_workers_per_gather = 2
-- set: min_parallel_table_scan_size = 0
-- set: parallel_setup_cost = 0
-- set: parallel_tuple_cost = 0
WITH spent AS MATERIALIZED (SELECT user_id, sum(total) AS total FROM orders GROUP BY user_id)
SELECT a.user_id FROM spent a JOIN spent b ON b.user_id = a.user_id + 1 WHERE a.total > b.total;

-- name: jit
-- set: jit = on
-- set: jit_above_cost = 0
-- set: jit_inline_above_cost = 0
-- set: jit_optimize_above_cost = 0
SELECT status, sum(total) FROM orders WHERE total > 100 GROUP BY status;

-- name: jit_not
SELECT status, sum(total) FROM orders WHERE total > 100 GROUP BY status;

-- name: insert
INSERT INTO tiny SELECT i, 'new' FROM generate_series(100, 120) i;

-- name: insert_with_triggers
INSERT INTO orders SELECT i, 7, 1, 10, '2026-09-01', 'x' FROM generate_series(30001, 30010) i;

-- name: insert_on_conflict
INSERT INTO tiny VALUES (1, 'again'), (900, 'new') ON CONFLICT (id) DO UPDATE SET label = excluded.label;

-- name: update_with_triggers
UPDATE orders SET total = total + 1 WHERE user_id = 42;

-- name: update_from
UPDATE orders o SET note = u.email FROM users u WHERE u.id = o.user_id AND u.id = 42;

-- name: update_partitions
UPDATE events SET kind = kind + 1 WHERE user_id = 42;

-- name: delete_cascading
DELETE FROM orders WHERE id IN (11, 12, 13);

-- name: merge_into
-- since: 15
MERGE INTO tiny t USING (VALUES (1, 'a'), (901, 'b')) AS s (id, label) ON s.id = t.id
WHEN MATCHED THEN UPDATE SET label = s.label WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.label);

-- name: generated_virtual
-- since: 18
SELECT doubled FROM computed WHERE doubled > 10;

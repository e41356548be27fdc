//! Loops within loops over a pool on a busy machine, as they were seen there.

use super::{detected, seen};

/// All at once; the pool takes most of a second to open connections.
const OPENS_SLOWLY: &str = "\
1 | select id, name from users order by id limit 5 | | users.id,users.name | 1,a;2,b;3,c;4,d;5,e
1 | select id, user_id from orders where user_id = $1 | 1 | orders.id,orders.user_id | 11,1;12,1;13,1;14,1
2+780 | select id, user_id from orders where user_id = $1 | 2 | orders.id,orders.user_id | 21,2;22,2;23,2;24,2
3+15 | select id, user_id from orders where user_id = $1 | 3 | orders.id,orders.user_id | 31,3;32,3;33,3;34,3
4 | select id, user_id from orders where user_id = $1 | 4 | orders.id,orders.user_id | 41,4;42,4;43,4;44,4
5 | select id, user_id from orders where user_id = $1 | 5 | orders.id,orders.user_id | 51,5;52,5;53,5;54,5
for x in 1..4: 1 | select quantity from items where order_id = $1 | 1{x} | items.quantity | 1 && 2 | select quantity from items where order_id = $1 | 2{x} | items.quantity | 1 && 1 | select quantity from items where order_id = $1 | 3{x} | items.quantity | 1 && 1 | select quantity from items where order_id = $1 | 4{x} | items.quantity | 1 && 4 | select quantity from items where order_id = $1 | 5{x} | items.quantity | 1
";

/// In turns over two connections: what is a pause of one of them is the time in which the other one works.
const IN_TURNS: &str = "\
1 | select id, name from users order by id limit 5 | | users.id,users.name | 1,a;2,b;3,c;4,d;5,e
2+200 | select id, user_id from orders where user_id = $1 | 1 | orders.id,orders.user_id | 11,1;12,1;13,1;14,1
1+10 | select quantity from items where order_id = $1 | 11 | items.quantity | 1
2+10 | select quantity from items where order_id = $1 | 12 | items.quantity | 1
1+5 | select quantity from items where order_id = $1 | 13 | items.quantity | 1
2 | select quantity from items where order_id = $1 | 14 | items.quantity | 1
1+6 | select id, user_id from orders where user_id = $1 | 2 | orders.id,orders.user_id | 21,2;22,2;23,2;24,2
for x in 1..2: 2 | select quantity from items where order_id = $1 | 2{x} | items.quantity | 1
for x in 3..4: 1 | select quantity from items where order_id = $1 | 2{x} | items.quantity | 1
2+6 | select id, user_id from orders where user_id = $1 | 3 | orders.id,orders.user_id | 31,3;32,3;33,3;34,3
for x in 1..4: 1 | select quantity from items where order_id = $1 | 3{x} | items.quantity | 1
1+10 | select id, user_id from orders where user_id = $1 | 4 | orders.id,orders.user_id | 41,4;42,4;43,4;44,4
for x in 1..4: 2 | select quantity from items where order_id = $1 | 4{x} | items.quantity | 1
2 | select id, user_id from orders where user_id = $1 | 5 | orders.id,orders.user_id | 51,5;52,5;53,5;54,5
for x in 1..4: 1 | select quantity from items where order_id = $1 | 5{x} | items.quantity | 1
";

#[test]
fn both_loops_are_proven_whatever_the_pool_waits_for() {
    for text in [OPENS_SLOWLY, IN_TURNS] {
        let found: Vec<String> = seen(&detected(text)).into_iter().collect();
        assert_eq!(
            found,
            [
                "proven 20/20 select quantity from items where order_id = ? <- orders.id",
                "proven 5/5 select id, user_id from orders where user_id = ? <- users.id",
            ]
        );
    }
}

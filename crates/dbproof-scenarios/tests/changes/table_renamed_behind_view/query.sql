-- name: q
SELECT count(*) FROM users WHERE email LIKE 'user12%' AND email >= 'user12' AND email < 'user13';

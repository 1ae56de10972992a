INSERT INTO item_values (item_id, key, value)
SELECT i.id, j.key, i.attributes::json ->> j.key
FROM items i, json_each(i.attributes::json) j
WHERE json_typeof(j.value) IN ('string', 'number', 'boolean') AND LENGTH(i.attributes::json ->> j.key) BETWEEN 1 AND 300;

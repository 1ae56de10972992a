INSERT INTO item_values (item_id, key, value)
SELECT i.id, j.key, CASE j.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(j.value AS TEXT) END
FROM items i, json_each(i.attributes) j
WHERE j.type IN ('text', 'integer', 'real', 'true', 'false') AND LENGTH(CAST(j.value AS TEXT)) BETWEEN 1 AND 300;

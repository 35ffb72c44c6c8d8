// What node's pg does with a server: node.js PORT, with NODE_PATH at a folder that has pg.
const { Client } = require('pg');

let passed = 0;
let failed = 0;
const check = (name, want, got) => {
  if (JSON.stringify(want) === JSON.stringify(got)) passed++;
  else {
    failed++;
    console.log(`FAIL node: ${name}: ${JSON.stringify(got)} instead of ${JSON.stringify(want)}`);
  }
};

(async () => {
  const client = new Client({ host: '127.0.0.1', port: Number(process.argv[2]), user: 'node', database: 'db' });
  await client.connect();
  check('simple', [{ a: 1, b: 'x', c: null }], (await client.query("SELECT 1 AS a, 'x' AS b, NULL::int AS c")).rows);
  const typed = await client.query('SELECT $1::int + 1 AS a, $2::text AS b, $3::jsonb AS c, $4::int[] AS d, $5::bool AS e', [
    41, "it's", { k: [1, 2] }, [1, 2, 3], true,
  ]);
  check('parameters', [{ a: 42, b: "it's", c: { k: [1, 2] }, d: [1, 2, 3], e: true }], typed.rows);
  const day = await client.query("SELECT $1::timestamptz AS t, date '2024-02-29' AS d", [new Date(Date.UTC(2024, 1, 29, 12, 30))]);
  check('timestamptz', '2024-02-29T12:30:00.000Z', day.rows[0].t.toISOString());
  await client.query('CREATE TABLE node_t (id int, name text)');
  for (let i = 0; i < 5; i++)
    await client.query({ name: 'insert', text: 'INSERT INTO node_t VALUES ($1, $2)', values: [i, `n${i}`] });
  const rows = await client.query({ text: 'SELECT id, name FROM node_t WHERE id > $1 ORDER BY id', values: [2], rowMode: 'array' });
  check('named statement', [[3, 'n3'], [4, 'n4']], rows.rows);
  check('rowCount', 2, (await client.query('DELETE FROM node_t WHERE id < 2')).rowCount);
  const several = await client.query('SELECT 1 AS a; SELECT 2 AS a');
  check('several statements', [[{ a: 1 }], [{ a: 2 }]], several.map((result) => result.rows));
  const error = await client.query('SELECT 1/0').catch((e) => e);
  check('error', ['22012', '8'], [error.code, error.position]);
  await client.query('BEGIN');
  await client.query('TRUNCATE node_t');
  await client.query('ROLLBACK');
  check('rollback', [{ n: '3' }], (await client.query('SELECT count(*) AS n FROM node_t')).rows);
  await client.end();
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
})();

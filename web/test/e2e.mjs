// End to end: every file in e2e/ drives the real program in a real browser and ends with 0 when all holds.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const dir = join(import.meta.dirname, 'e2e');
const only = process.argv[2];
let passed = 0;
let failed = 0;
for (const file of readdirSync(dir).sort()) {
  if (!file.endsWith('.mjs') || (only && !file.includes(only))) continue;
  const begin = Date.now();
  const r = spawnSync(process.execPath, [join(dir, file)], { stdio: 'inherit', timeout: 300_000 });
  const took = `${((Date.now() - begin) / 1000).toFixed(1)} s`;
  if (r.status === 0) {
    passed++;
    console.log(`ok   ${file} (${took})`);
  } else {
    failed++;
    console.error(`FAIL ${file} (${took})`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);

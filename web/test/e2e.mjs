// End to end: every file in e2e/ exports steps that drive the real program in a real browser.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const dir = join(import.meta.dirname, 'e2e');
const only = process.argv[2];
let passed = 0;
let failed = 0;
for (const file of readdirSync(dir).sort()) {
  if (!file.endsWith('.mjs') || (only && !file.includes(only))) continue;
  const { name, run } = await import(join(dir, file));
  const begin = Date.now();
  try {
    await run((step) => console.log(`  ${name}: ${step}`));
    passed++;
    console.log(`ok   ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  } catch (e) {
    failed++;
    console.error(`FAIL ${name}: ${e.stack ?? e}`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);

// Each optional dependency that a package of the lock names must be in the lock itself. Where a registry lags behind,
// npm leaves some out and a later "npm ci" on another platform refuses the lock.
import { readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const missing = [];
for (const [at, p] of Object.entries(packages)) {
  for (const name of Object.keys(p.optionalDependencies ?? {})) {
    if (!packages[`node_modules/${name}`] && !packages[`${at}/node_modules/${name}`]) missing.push(`${at}: ${name}`);
  }
}
if (missing.length) {
  console.error(`Not in the lock:\n${missing.join('\n')}\nRemove the lock and node_modules, then run npm install.`);
  process.exit(1);
}

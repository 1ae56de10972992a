// Budgets of the built UI in kB after gzip: the shell (all that the first page loads) and what each route adds.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { brotliDecompressSync, gzipSync } from 'node:zlib';

const DIST = new URL('../../internal/webui/dist/', import.meta.url);
const LIMIT = { js: 190, css: 45, route: 80 };

function read(file) {
  const packed = new URL(`${file}.br`, DIST);
  return existsSync(packed) ? brotliDecompressSync(readFileSync(packed)) : readFileSync(new URL(file, DIST));
}
const manifest = JSON.parse(read('.vite/manifest.json').toString('utf8'));
const gz = (file) => gzipSync(read(file), { level: 9 }).length / 1000;

function closure(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const k of manifest[key].imports ?? []) closure(k, seen);
  return seen;
}
function weigh(keys) {
  const js = new Set();
  const css = new Set();
  for (const k of keys) {
    js.add(manifest[k].file);
    for (const c of manifest[k].css ?? []) css.add(c);
  }
  const sum = (s) => [...s].reduce((n, f) => n + gz(f), 0);
  return { js: sum(js), css: sum(css) };
}

const entry = Object.keys(manifest).find((k) => manifest[k].isEntry);
const shellKeys = closure(entry);
const shell = weigh(shellKeys);
const rows = [['shell', shell.js, shell.css]];
const bad = [];
if (shell.js > LIMIT.js) bad.push(`shell js ${shell.js.toFixed(1)} kB, limit ${LIMIT.js}`);
if (shell.css > LIMIT.css) bad.push(`shell css ${shell.css.toFixed(1)} kB, limit ${LIMIT.css}`);
for (const [key, part] of Object.entries(manifest)) {
  if (!part.isDynamicEntry) continue;
  const own = weigh([...closure(key)].filter((k) => !shellKeys.has(k)));
  rows.push([key, own.js, own.css]);
  if (own.js > LIMIT.route) bad.push(`${key} js ${own.js.toFixed(1)} kB, limit ${LIMIT.route}`);
}
for (const [name, js, css] of rows)
  console.log(`${js.toFixed(1).padStart(7)} js ${css.toFixed(1).padStart(6)} css  ${name}`);
const scripts = readdirSync(new URL('assets/', DIST))
  .map((f) => f.replace(/\.br$/, ''))
  .filter((f) => f.endsWith('.js'));
if (scripts.some((f) => read(`assets/${f}`).includes('/gallery'))) bad.push('the gallery is in the build');
if (bad.length) {
  console.error(bad.join('\n'));
  process.exit(1);
}

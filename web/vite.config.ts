import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const OUT = '../internal/webui/dist';

// Must run in writeBundle: in generateBundle the code still holds placeholders of the preload helper,
// and every lazy route would throw in the browsers that accept br.
function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    writeBundle: {
      order: 'post',
      sequential: true,
      handler(o, bundle) {
        const dir = o.dir as string;
        const names = new Set([...Object.keys(bundle), 'theme-init.js', 'favicon.svg']);
        for (const name of names) {
          const file = join(dir, name);
          if (!/\.(js|css|html|svg|json)$/.test(name) || !existsSync(file)) continue;
          const raw = readFileSync(file);
          if (raw.length < 1024) continue;
          writeFileSync(`${file}.br`, brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
          // The server unpacks it for those who do not take brotli.
          rmSync(file);
        }
        // Keeps the embedded folder valid in a clean clone.
        writeFileSync(join(dir, '.keep'), '');
      },
    },
  };
}

export default defineConfig({
  plugins: [react(), precompress()],
  resolve: { tsconfigPaths: true },
  worker: { format: 'es' },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: false,
    // The CSP forbids data: fonts, and inlined files would not be cached.
    assetsInlineLimit: 0,
    manifest: true,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        chunkFileNames: (c) => {
          const m = /src\/modules\/([^/]+)\/([^/]+)\//.exec(c.facadeModuleId ?? '');
          return m ? `assets/m-${m[1]}-${m[2]}-[hash].js` : 'assets/[name]-[hash].js';
        },
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules\/(react|react-dom|scheduler)\//, priority: 30 },
            {
              name: 'mantine',
              test: /node_modules\/(@mantine|@floating-ui|clsx|react-remove-scroll|react-number-format|react-textarea-autosize)\/(?!form|spotlight)/,
              priority: 20,
              // Without this the whole of Mantine lands in the shell.
              entriesAware: true,
            },
            {
              name: 'tanstack',
              test: /node_modules\/@tanstack\/(react-router|router-core|history|react-query|query-core|react-store|store)\//,
              priority: 20,
            },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/prometheus': 'http://127.0.0.1:8080' } },
});

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// `npm run dev` and `npm run preview` speak to a running server; STARLING_SERVER says where.
const server = process.env.STARLING_SERVER ?? 'http://127.0.0.1:8080';

// Host and Origin go on as they are: the server wants them alike.
const proxy = {
  '/api': { target: server, changeOrigin: false },
  '/ws': { target: server, changeOrigin: false, ws: true },
};

export default defineConfig({
  build: {
    // The first browsers that know light-dark(): for older targets it would be rewritten.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0, // the page's policy lets nothing come from data: but images
    modulePreload: { polyfill: false },
  },
  resolve: {
    alias: { '@starling/sdk': fileURLToPath(new URL('./sdk/src/index.ts', import.meta.url)) },
  },
  server: { proxy },
  preview: {
    proxy,
    // What the server sends (src/api/rest.cpp): without it, a sink for HTML would go unnoticed.
    headers: {
      'Content-Security-Policy':
        "default-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; object-src 'none'; " +
        "frame-ancestors 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'",
    },
  },
  test: { include: ['test/**/*.test.{ts,tsx}', 'sdk/test/**/*.test.ts'] },
});

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// `npm run dev` speaks to a running server; STARLING_SERVER says where.
const server = process.env.STARLING_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  build: {
    // The first browsers that know light-dark(): older targets would have it rewritten.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0, // the policy of the page allows no data: beyond images
    modulePreload: { polyfill: false },
  },
  resolve: {
    alias: { '@starling/sdk': fileURLToPath(new URL('./sdk/src/index.ts', import.meta.url)) },
  },
  server: {
    proxy: {
      '/api': { target: server, changeOrigin: true },
      // A browser's Origin must be the server's own, or the server refuses the upgrade.
      '/ws': { target: server, ws: true, changeOrigin: true, rewriteWsOrigin: true },
    },
  },
  test: { include: ['test/**/*.test.{ts,tsx}', 'sdk/test/**/*.test.ts'] },
});

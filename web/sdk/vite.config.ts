import { defineConfig } from 'vite';

// The package: one module, minified, beside the declarations that tsc makes.
export default defineConfig({
  build: {
    target: 'es2022',
    lib: { entry: 'src/index.ts', formats: ['es'], fileName: () => 'index.js' },
    minify: true,
  },
});

import { defineConfig } from 'vite';

// The package: one module, beside the declarations that tsc makes. Vite keeps white space in modules of a
// library; its bundler, told directly, does not.
export default defineConfig({
  build: {
    target: 'es2022',
    lib: { entry: 'src/index.ts', formats: ['es'], fileName: () => 'index.js' },
    minify: false,
    rolldownOptions: { output: { minify: true, comments: false, topLevelVar: false } },
  },
});

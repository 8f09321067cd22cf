/**
 * The declarations that are published: all types of src/index.ts in one file, those of src/promises.ts in another that
 * imports them. rollup-plugin-dts works with TypeScript 6's interface where TypeScript 7, which has none yet, is installed.
 */
import { dts } from 'rollup-plugin-dts';

export default {
  input: { index: 'src/index.ts', promises: 'src/promises.ts' },
  output: {
    dir: 'dist',
    minifyInternalExports: false,
    manualChunks: (module) => (module.endsWith('/src/promises.ts') ? undefined : 'index'),
  },
  plugins: [dts()],
};

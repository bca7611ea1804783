/**
 * Bundles the program `aichain` and its worker threads in a built folder, with the libraries that they use: some
 * hundred files instead of some thousand, so that a command starts in a third of the time. What is imported from this
 * package as a library stays as the compiler wrote it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { build } from 'esbuild';

const ENTRIES = [
  'cli/main.js',
  'log/verify-worker.js',
  'fsck/audit-worker.js',
  'participants/cleanroom/training-worker.js',
];
/** Stay packages: they have files of their own beside their code, a compiled library or web pages. */
export const WITH_FILES = ['level', 'sodium-native', '@fastify/swagger', '@fastify/swagger-ui'];
/** Libraries in CommonJS ask for node's modules by `require`. */
export const REQUIRE = {
  js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
};

/** @param {string} folder what the compiler wrote */
export async function bundle(folder) {
  const root = resolve(folder);
  const ownUrl = {
    name: 'a module goes on knowing where it was',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.js$/ }, ({ path }) => {
        if (!path.startsWith(root + sep)) return undefined;
        // From cli/, log/, fsck/ and chunks/; in participants/cleanroom/ nothing asks.
        const place = JSON.stringify(`../${relative(root, path).split(sep).join('/')}`);
        const text = readFileSync(path, 'utf8');
        return { contents: text.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`) };
      }),
  };
  const { metafile } = await build({
    entryPoints: ENTRIES.map((entry) => join(root, entry)),
    ...{
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      plugins: [ownUrl],
    },
    ...{ outdir: root, outbase: root, chunkNames: 'chunks/[name]-[hash]', allowOverwrite: true },
    ...{ sourcemap: true, sourcesContent: false, external: WITH_FILES, banner: REQUIRE },
    ...{ metafile: true, logLevel: 'warning' },
  });
  writeFileSync(join(root, 'third-party.txt'), licences(Object.keys(metafile.inputs)));
}

/** The licences of the libraries that are in the bundle. */
function licences(inputs) {
  const packages = new Set(
    inputs.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean),
  );
  const texts = [...packages].sort().map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    const file = readdirSync(path).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(path, file), 'utf8').trim() : '';
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return `Libraries that the program is bundled with, and their licences.\n\n${texts.join('\n\n')}`;
}

/**
 * Generates src/proto/aichain.js and aichain.d.ts from proto/: static message code (protobufjs), and the file
 * descriptors (buf) that the reflection service answers from. Run by `npm run proto`; the results are not committed.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import descriptor from 'protobufjs/ext/descriptor.js';
import pbjs from 'protobufjs-cli/pbjs.js';
import pbts from 'protobufjs-cli/pbts.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'proto');
const target = join(root, 'src/proto');

const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.proto'))
  .map((entry) => join(entry.parentPath, entry.name))
  .sort();

// `--null-semantics`: an absent optional field is null, and its type says so.
const messages = await promisify(pbjs.main)([
  ...['--target', 'static-module', '--wrap', 'esm', '--es6', '--dependency', 'protobufjs/minimal.js'],
  ...['--force-number', '--null-semantics'],
  ...['--no-verify', '--no-convert', '--no-delimited', '--no-typeurl', '--no-service'],
  ...['--path', source],
  ...files,
]);

const importLine = 'import $protobuf from "protobufjs/minimal.js";\n';
if (!messages.includes(importLine))
  throw new Error('protobufjs has changed its import line: adapt this script');
// Without this, 64-bit fields are decoded to Long objects, whatever --force-number says. Numbers above 2^53 are
// rounded, to a value that is not a safe integer, and are refused by whoever reads the field.
const numbers = '$protobuf.util.Long = null;\n$protobuf.configure();\n';
const code = messages.replace(importLine, importLine + numbers);

// pbts reads files only.
const scratch = mkdtempSync(join(tmpdir(), 'aichain-proto-'));
writeFileSync(join(scratch, 'aichain.js'), code);
const declarations = await promisify(pbts.main)([join(scratch, 'aichain.js')]).finally(() =>
  rmSync(scratch, { recursive: true }),
);
const typed = declarations
  // 64-bit fields are numbers (see above); the comments that pbjs writes still offer Long.
  .replaceAll('(number|Long)', 'number')
  .replaceAll('number|Long', 'number')
  .replace(/^import Long = require\("long"\);\n/m, '')
  .replace('import * as $protobuf from "protobufjs"', 'import type $protobuf from "protobufjs/minimal.js"');

replaceFile(
  'aichain.js',
  `${code}\n/** What gRPC server reflection answers. */\nexport const descriptors = ${JSON.stringify(describe(), null, 1)};\n`,
);
replaceFile(
  'aichain.d.ts',
  `${typed}
/** What gRPC server reflection answers. */
export const descriptors: {
    /** Full names of the services. */
    readonly services: readonly string[];
    /** Name of the .proto file that declares a fully qualified symbol. */
    readonly symbols: Readonly<Record<string, string>>;
    /** By file name: FileDescriptorProto in base64, and the names of the files it imports. */
    readonly files: Readonly<Record<string, { readonly proto: string; readonly imports: readonly string[] }>>;
};
`,
);

/** The descriptors as buf compiles them: protobufjs's own merge the files of a package into one. */
function describe() {
  const buf = createRequire(import.meta.url).resolve('@bufbuild/buf/bin/buf');
  const set = descriptor.FileDescriptorSet.decode(
    execFileSync(process.execPath, [buf, 'build', '--exclude-source-info', '--output', '-'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const out = { services: [], symbols: {}, files: {} };
  for (const file of set.file) {
    const symbol = (...path) => {
      out.symbols[[file.package, ...path].join('.')] = file.name;
    };
    const message = (type, path) => {
      symbol(...path, type.name);
      for (const field of type.field) symbol(...path, type.name, field.name);
      for (const oneof of type.oneofDecl) symbol(...path, type.name, oneof.name);
      for (const nested of type.nestedType) message(nested, [...path, type.name]);
      for (const nested of type.enumType) symbol(...path, type.name, nested.name);
    };
    for (const type of file.messageType) message(type, []);
    for (const type of file.enumType) symbol(type.name);
    for (const service of file.service) {
      out.services.push(`${file.package}.${service.name}`);
      symbol(service.name);
      for (const method of service.method) symbol(service.name, method.name);
    }
    out.files[file.name] = {
      proto: Buffer.from(descriptor.FileDescriptorProto.encode(file).finish()).toString('base64'),
      imports: file.dependency,
    };
  }
  out.services.sort();
  return out;
}

/** By renaming, so that nobody reads half a file. */
function replaceFile(name, text) {
  mkdirSync(target, { recursive: true });
  const path = join(target, name);
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}

process.stderr.write(`wrote ${relative(process.cwd(), join(target, 'aichain.js'))} and aichain.d.ts\n`);

/**
 * Formats of files that may be named. A format that is read with Python's pickle runs whatever code is in the file
 * when it is opened, so none of them is ever taken, whatever the policy says.
 */
import type { Policy } from './policy.ts';
import { type Refusal, refuse } from './refusal.ts';

/** By file name extension, by the name of the tool, or by media type. */
const PICKLE: readonly string[] = [
  'pickle',
  'pickled',
  'pkl',
  'pt',
  'pth',
  'ckpt',
  'torch',
  'pytorch',
  'joblib',
  'dill',
  'cloudpickle',
  // NumPy arrays of Python objects are pickled.
  'npy-objects',
  'npz-objects',
  'npy-with-objects',
];

/** Whether a format, or the last extension of a file name, is of a pickle-based kind. */
export function isPickle(name: string): boolean {
  const words = name.toLowerCase().split(/[./+]/);
  return (
    PICKLE.includes(words[words.length - 1]!) ||
    words.some((word) => /^(?:x-)?(?:python-)?pickle$/.test(word))
  );
}

/** A policy without a list of formats takes every other one. */
export function formatFault(
  { formats }: Pick<Policy, 'formats'>,
  format: string,
): Refusal<'FORMAT_NOT_SUPPORTED'> | undefined {
  if (isPickle(format)) return refuse('FORMAT_NOT_SUPPORTED', `${format} is read with pickle`);
  return formats && !formats.includes(format) ? refuse('FORMAT_NOT_SUPPORTED', format) : undefined;
}

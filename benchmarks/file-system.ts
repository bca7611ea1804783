/** What temporary folders lie on: in memory, what a log waits for when it syncs is no disk. */
import { statfsSync } from 'node:fs';

/** statfs(2): f_type. */
const NAMES = new Map([
  [0xef53, 'ext2/3/4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0x794c7630, 'overlayfs'],
  [0x6969, 'nfs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);
const IN_MEMORY = ['tmpfs', 'ramfs'];

/** Its name, or its number in hexadecimal where it has none here. */
export function fileSystemOf(folder: string): string {
  return fileSystemName(statfsSync(folder).type);
}

/** @param type of 32 bits, with or without a sign */
export function fileSystemName(type: number): string {
  const number = type >>> 0;
  return NAMES.get(number) ?? `0x${number.toString(16)}`;
}

/** Why figures of a disk mean nothing there; undefined: they do. */
export function inMemory(fileSystem: string): string | undefined {
  if (!IN_MEMORY.includes(fileSystem)) return undefined;
  return `temporary folders are in memory (${fileSystem}), so what waits for a disk, or is weighed on it, means nothing: TMPDIR has to name a folder on a disk`;
}

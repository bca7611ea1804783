/** TCB versions: one byte a component, laid out differently by generation. Never compared as one number. */
import type { Bytes } from '../core/bytes.ts';

/** Security versions of the firmware that a report rests on; `fmc` is Turin's. */
export interface Tcb {
  readonly bootLoader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
  readonly fmc?: number;
}

export type TcbLayout = 'milan' | 'turin';
type Component = keyof Tcb;

/** AMD 56860, table of TCB_VERSION: the byte of each component. The other bytes are reserved. */
const BYTE: Readonly<Record<TcbLayout, Readonly<Partial<Record<Component, number>>>>> = {
  milan: { bootLoader: 0, tee: 1, snp: 6, microcode: 7 },
  turin: { fmc: 0, bootLoader: 1, tee: 2, snp: 3, microcode: 7 },
};
export const COMPONENTS: readonly Component[] = ['fmc', 'bootLoader', 'tee', 'snp', 'microcode'];

/** @param bytes the eight of a TCB_VERSION */
export function readTcb(bytes: Bytes, layout: TcbLayout): Tcb {
  const at = (component: Component) => bytes[BYTE[layout][component] ?? -1];
  const fmc = at('fmc');
  return {
    bootLoader: at('bootLoader')!,
    tee: at('tee')!,
    snp: at('snp')!,
    microcode: at('microcode')!,
    ...(fmc !== undefined && { fmc }),
  };
}

/** Whether every byte that stands for no component is zero. */
export function tcbReservedZero(bytes: Bytes, layout: TcbLayout): boolean {
  const used = Object.values(BYTE[layout]);
  return bytes.every((byte, i) => byte === 0 || used.includes(i));
}

/** The eight bytes of a TCB_VERSION. */
export function writeTcb(tcb: Tcb, layout: TcbLayout): Bytes {
  const out = new Uint8Array(8);
  for (const component of COMPONENTS) {
    const at = BYTE[layout][component];
    if (at !== undefined) out[at] = tcb[component] ?? 0;
  }
  return out;
}

export function sameTcb(a: Tcb, b: Tcb): boolean {
  return COMPONENTS.every((component) => a[component] === b[component]);
}

/** The components of `tcb` that are below those of `least`; one that `tcb` does not have is below any. */
export function below(tcb: Tcb, least: Tcb): readonly Component[] {
  return COMPONENTS.filter((component) => (tcb[component] ?? -1) < (least[component] ?? -1));
}

export function tcbText(tcb: Tcb): string {
  return COMPONENTS.filter((component) => tcb[component] !== undefined)
    .map((component) => `${component} ${tcb[component]}`)
    .join(', ');
}

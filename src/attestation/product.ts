/** The processors whose evidence is read here, and what tells them apart. */
import { TURIN } from '../core/turin.ts';
import type { TcbLayout } from './tcb.ts';

export interface Cpuid {
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
}

export interface Product {
  /** As AMD's certificates name it: ARK-<name>, SEV-<name>, SEV-VLEK-<name>. */
  readonly name: string;
  readonly layout: TcbLayout;
  /** Bytes of the chip's id that its certificate has; the report has 64, the rest being zero. */
  readonly hwidBytes: number;
  readonly family: number;
  /** First and last model of each range. */
  readonly models: readonly (readonly [number, number])[];
}

/** AMD 57230, "Determining the product name": one key server, and so one root, for each. */
export const PRODUCTS: readonly Product[] = [
  { name: 'Milan', layout: 'milan', hwidBytes: 64, family: 0x19, models: [[0x00, 0x0f]] },
  // Genoa, Bergamo and Siena share one root.
  {
    name: 'Genoa',
    layout: 'milan',
    hwidBytes: 64,
    family: 0x19,
    models: [
      [0x10, 0x1f],
      [0xa0, 0xaf],
    ],
  },
  { name: 'Turin', layout: 'turin', hwidBytes: 8, family: TURIN.family, models: [TURIN.models] },
];

/** What the certificates of the development simulator say instead of a product: no processor is called that. */
export const SIMULATED = 'Simulated';

export function isOfProduct({ family, model }: Pick<Cpuid, 'family' | 'model'>, product: Product): boolean {
  return family === product.family && product.models.some(([from, to]) => model >= from && model <= to);
}

export function productOf(cpuid: Cpuid): Product | undefined {
  return PRODUCTS.find((product) => isOfProduct(cpuid, product));
}

export function productNamed(name: string): Product | undefined {
  return PRODUCTS.find((product) => product.name === name);
}

export function cpuidText({ family, model, stepping }: Cpuid): string {
  return `family ${family}, model ${model}, stepping ${stepping}`;
}

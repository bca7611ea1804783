/**
 * What a provider of the COVID-19 scenario does to its table before it is encrypted: keys get the names that all providers
 * share, other columns the provider's prefix, and identifiers are replaced by their SHA-256 in hexadecimal, so that tables
 * can be joined.
 *
 * This is the form that DEPA-Training's scripts give the files; it is not anonymity. Whoever has the plaintext can hash all
 * telephone numbers there are. The files stay encrypted outside the clean room for that reason.
 */
import { toHex, utf8 } from '../../core/bytes.ts';
import type { Hasher } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import type { Table } from './csv.ts';

export interface Standard {
  /** New names of columns, which get no prefix. */
  readonly renamed: Readonly<Record<string, string>>;
  readonly prefix: string;
  /** Columns, by their new names, of which only the hash stays, as `<name>_hashed`. */
  readonly hashed: readonly string[];
}

/** The three tables of the scenario, by the name of their dataset. */
export const COVID_STANDARDS: Readonly<Record<string, Standard>> = {
  icmr_test_results: {
    renamed: {
      icmrnumber: 'pk_icmrno',
      icmr_patient_mobilenumber: 'pk_mobno',
      srfnumber: 'ref_srfno',
      a_lab_id: 'fk_icmr_labid',
      a_sample_genetic_strain: 'fk_genetic_strain',
    },
    prefix: 'icmr_',
    hashed: ['pk_icmrno', 'pk_mobno', 'ref_srfno', 'fk_icmr_labid'],
  },
  cowin_vaccine_data: {
    renamed: {
      beneficiary_reference_id: 'pk_beneficiary_id',
      cowin_registered_mobile: 'pk_mobno',
      uhid: 'ref_uhid',
      id_verified: 'ref_id_verified',
    },
    prefix: 'cowin_',
    hashed: ['pk_beneficiary_id', 'pk_mobno', 'ref_uhid', 'ref_id_verified'],
  },
  index_patient_records: {
    renamed: {
      icmrnumber: 'pk_icmrno',
      pcnumber: 'pk_mobno',
      srfnumber: 'ref_srfno',
      labcode: 'ref_labid',
    },
    prefix: 'index_',
    hashed: ['pk_icmrno', 'pk_mobno', 'ref_srfno', 'ref_labid'],
  },
};

/** @throws DATA_MALFORMED a column that the standard names is not there */
export function standardise(hasher: Hasher, { columns, rows }: Table, standard: Standard): Table {
  for (const name of Object.keys(standard.renamed)) {
    if (!columns.includes(name)) throw fail('DATA_MALFORMED', `no column ${name}`);
  }
  const named = columns.map((name) => standard.renamed[name] ?? `${standard.prefix}${name}`);
  const hashes = named.map((name) => standard.hashed.includes(name));
  const hash = (value: string) => toHex(hasher.sha256(utf8(value)));
  return {
    columns: named.map((name, i) => (hashes[i] ? `${name}_hashed` : name)),
    rows: rows.map((row) => row.map((value, i) => (hashes[i] ? hash(value) : value))),
  };
}

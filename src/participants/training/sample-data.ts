/**
 * Made-up data of the small scenario: three tables with the columns of DEPA-Training's COVID-19 scenario, one row a person in
 * each, and something in them that can be learned. Nobody in it exists. The same seed gives the same bytes.
 */
import type { Hasher } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { type Table, writeCsv } from './csv.ts';
import { probability } from './network.ts';
import { type RandomSource, seededRandom } from './random-source.ts';

/** The tables by the names of their datasets, as CSV. */
export type SampleData = Readonly<Record<(typeof NAMES)[number], string>>;

const NAMES = ['icmr_test_results', 'cowin_vaccine_data', 'index_patient_records'] as const;
const MAX_PEOPLE = 1_000_000;
/** Share of the people that a table knows of: the join has fewer rows than each. */
const KNOWN = 0.98;

/** Columns of the original files, in their order. */
const COLUMNS = {
  icmr_test_results: [
    ...['icmrnumber', 'icmr_patient_mobilenumber', 'srfnumber', 'a_icmr_test_type', 'a_icmr_test_result'],
    ...['a_test_ct_value', 'a_lab_id', 'a_sample_genetic_sequenced', 'a_sample_genetic_strain', 'pupdate'],
  ],
  cowin_vaccine_data: [
    ...['cowin_registered_mobile', 'beneficiary_name', 'age', 'gender', 'id_verified', 'uhid'],
    ...['beneficiary_reference_id', 'vaccine_name', 'dose_1_date', 'd1_vaccinated_by', 'd1_vaccinated_at'],
    ...['dose_2_date', 'd2_vaccinated_by', 'd2_vaccinated_at', 'pupdate'],
  ],
  index_patient_records: [
    ...['idcpatient', 'pname', 'pcnumber', 'srfnumber', 'icmrnumber', 'bucode', 'trbucode', 'commby'],
    ...['pstatus', 'statusuby', 'ureason', 'pahospital', 'tpahospital', 'htype', 'pbtype', 'pbquota'],
    ...['fdate', 'todate', 'pasymp', 'dsinfection', 'potravel', 'labcode', 'page', 'pgender', 'pstate'],
    ...['pdistrict', 'paddress', 'pzone', 'pward', 'ptaluka', 'pudate', 'distcode'],
  ],
} as const;

type Values = Readonly<Record<string, string | number>>;

/** @throws ARGUMENT_INVALID too many people */
export function sampleData(hasher: Hasher, people: number, seed: string): SampleData {
  if (!Number.isSafeInteger(people) || people < 1 || people > MAX_PEOPLE) {
    throw fail('ARGUMENT_INVALID', `1 to ${MAX_PEOPLE} people`);
  }
  const random = seededRandom(hasher, `aichain/sample-data/v1/${people}/${seed}`);
  const everybody = Array.from({ length: people }, (_, i) => person(random, i));
  const table = (name: (typeof NAMES)[number]): string => {
    const known = shuffled(random, everybody).filter(() => random.unit() < KNOWN);
    return writeCsv({ columns: COLUMNS[name], rows: known.map((values) => fields(name, values)) } as Table);
  };
  return {
    icmr_test_results: table('icmr_test_results'),
    cowin_vaccine_data: table('cowin_vaccine_data'),
    index_patient_records: table('index_patient_records'),
  };
}

function fields(name: (typeof NAMES)[number], values: Values): string[] {
  return COLUMNS[name].map((column) => String(values[column]));
}

/** What all tables say of one person. */
function person(random: RandomSource, i: number): Values {
  const between = (least: number, most: number) => least + random.below(most - least + 1);
  const chance = (p: number) => (random.unit() < p ? 1 : 0);
  const age = between(18, 90);
  const [symptoms, travel, contact, vaccinated] = [chance(0.4), chance(0.3), chance(0.35), chance(0.5)];
  // What is to be learned: mostly symptoms, contact and the vaccine; a little of age and travel.
  const infected = chance(
    probability(-2.2 + 2.4 * symptoms + 1.6 * contact + 0.6 * travel - 1.3 * vaccinated + 0.02 * (age - 50)),
  );
  const cycles = infected ? between(12, 30) : between(24, 38);
  const sequenced = infected && cycles < 28 ? chance(0.6) : 0;
  const phone = 100_000_000 + i * 797 + between(0, 796);
  const lab = between(1, 2000);
  const hospital = `HOSPITAL ${between(1, 999)}`;
  const name = `PERSON ${i + 1}`;
  const gender = chance(0.5) ? 'M' : 'F';
  const official = `DESK_${between(1, 40)}`;
  const dose = date(random, 2021);
  return {
    ...{ icmrnumber: 4_000_000_000 + i, srfnumber: 700_000_000_000 + i * 13, pupdate: date(random, 2021) },
    ...{ icmr_patient_mobilenumber: phone, cowin_registered_mobile: phone, pcnumber: phone },
    ...{ a_icmr_test_type: 'RT-PCR', a_icmr_test_result: infected, a_test_ct_value: cycles, a_lab_id: lab },
    ...{ a_sample_genetic_sequenced: sequenced, a_sample_genetic_strain: sequenced && chance(0.7) },
    ...{ beneficiary_name: name, age, gender, id_verified: `ID # xxxxxxxx${between(1000, 9999)}` },
    ...{ uhid: `${between(10, 99)}-${between(1000, 9999)}-${between(1000, 9999)}-${between(1000, 9999)}` },
    ...{ beneficiary_reference_id: 50_000_000_000_000 + i, vaccine_name: vaccinated ? 2 : 1 },
    ...{ dose_1_date: dose, d1_vaccinated_by: `ID${between(10_000, 99_999)}`, d1_vaccinated_at: hospital },
    ...{ dose_2_date: dose, d2_vaccinated_by: 'D2_Pending', d2_vaccinated_at: 'D2_Pending' },
    ...{ idcpatient: 100_000_000 + i, pname: name, bucode: `BU${between(1, 999)}`, trbucode: 'BU1' },
    ...{
      commby: official,
      pstatus: chance(0.5) ? 'A' : 'B',
      statusuby: official,
      ureason: `R${between(1, 3)}`,
    },
    ...{ pahospital: hospital, tpahospital: hospital, htype: 'HOSP', pbtype: `BED${between(1, 999)}` },
    ...{ pbquota: 'GOVERNMENT', fdate: date(random, 2021), todate: date(random, 2021), pasymp: symptoms },
    ...{
      dsinfection: contact,
      potravel: travel,
      labcode: lab,
      page: age,
      pgender: gender,
      pstate: 'STATE 1',
    },
    ...{ pdistrict: `DISTRICT ${between(1, 30)}`, paddress: `ADDRESS ${between(1, 999)}` },
    ...{ pzone: `ZONE${between(1, 5)}`, pward: between(1, 250), ptaluka: `TALUKA${between(1, 200)}` },
    ...{ pudate: date(random, 2021), distcode: between(1, 700) },
  };
}

function date(random: RandomSource, year: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(1 + random.below(28))}-${two(1 + random.below(12))}-${year}`;
}

/** Fisher and Yates. */
function shuffled<T>(random: RandomSource, items: readonly T[]): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

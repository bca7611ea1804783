// Writes the made-up data of the small scenario: three tables with the columns of the COVID-19 scenario.
//   node scripts/scenario-data.mjs DIR [people] [seed]       after `npm run build`; the same seed gives the same bytes
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampleData } from '../dist/participants/training/sample-data.js';
import { nodeCrypto } from '../dist/platform/crypto-node.js';

const [dir, people = '2000', seed = '1'] = process.argv.slice(2);
if (dir === undefined) {
  console.error('node scripts/scenario-data.mjs DIR [people] [seed]');
  process.exit(2);
}
// Folders and files as DEPA-Training's scenario has them.
const FILES = {
  icmr_test_results: ['icmr', 'poc_data_icmr_data.csv'],
  cowin_vaccine_data: ['cowin', 'poc_data_cowin_data.csv'],
  index_patient_records: ['index', 'poc_data_statewarroom_data.csv'],
};
for (const [name, text] of Object.entries(sampleData(nodeCrypto, Number(people), seed))) {
  const [folder, file] = FILES[name];
  mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(join(dir, folder, file), text);
  console.log(`${join(dir, folder, file)}: ${text.split('\r\n').length - 2} rows`);
}

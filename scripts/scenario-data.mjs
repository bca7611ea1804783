// Writes what is made up in the small scenario: three tables with the columns of the COVID-19 scenario, and the model that the
// consumer starts from.
//   node scripts/scenario-data.mjs SCENARIO [people] [seed]       after `npm run build`; the same seed gives the same bytes
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sampleData } from '../dist/participants/training/sample-data.js';
import { sampleModel } from '../dist/participants/training/sample-model.js';
import { nodeCrypto } from '../dist/platform/crypto-node.js';

const [scenario, people = '2000', seed = '1'] = process.argv.slice(2);
if (scenario === undefined) {
  console.error('node scripts/scenario-data.mjs SCENARIO [people] [seed]');
  process.exit(2);
}
// Folders and files as DEPA-Training's scenario has them.
const FILES = {
  icmr_test_results: 'data/icmr/poc_data_icmr_data.csv',
  cowin_vaccine_data: 'data/cowin/poc_data_cowin_data.csv',
  index_patient_records: 'data/index/poc_data_statewarroom_data.csv',
};
for (const [name, text] of Object.entries(sampleData(nodeCrypto, Number(people), seed))) {
  write(FILES[name], text, `${text.split('\r\n').length - 2} rows`);
}
const config = (name) => new Uint8Array(readFileSync(join(scenario, 'config', name)));
const model = sampleModel(nodeCrypto, config('pipeline_config.json'), config('supplement.json'), seed);
write('model/base_model.safetensors', model, `${model.length} bytes`);

function write(name, content, said) {
  const path = join(scenario, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  console.log(`${path}: ${said}`);
}

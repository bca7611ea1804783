/**
 * A contract in the shape of DEPA's `contract.json`, made up for this project: two hospitals let a model developer
 * train one model on their records, within a privacy budget.
 */
const CONTRACT = {
  id: '5b0f7c9e-3f52-4c1b-9d8e-2a6f1c7d4e90',
  schemaVersion: '0.1',
  startTime: '2026-01-01T00:00:00.000Z',
  expiryTime: '2027-01-01T00:00:00.000Z',
  tdc: 'did:web:tdc.example',
  tdps: ['did:web:north-hospital.example', 'did:web:south-hospital.example'],
  ccrp: 'did:web:ccr.example',
  datasets: [
    dataset('c1e6d0a4-8f0b-4f7a-a3c5-6b1f2d9e7a31', 'north-hospital', 'north_admissions_2025'),
    dataset('d27a95b3-61c8-4e0d-b7f4-9c3a5e8d1f62', 'south-hospital', 'south_admissions_2025'),
  ],
  purpose: 'TRAINING',
  constraints: [
    {
      privacy: [
        { dataset: 'c1e6d0a4-8f0b-4f7a-a3c5-6b1f2d9e7a31', epsilon_threshold: '1.5', delta: '0.01' },
        { dataset: 'd27a95b3-61c8-4e0d-b7f4-9c3a5e8d1f62', epsilon_threshold: '1.5', delta: '0.01' },
      ],
    },
  ],
  terms: { payment: {}, revocation: {} },
};

function dataset(id: string, owner: string, name: string) {
  return {
    id,
    owner,
    name,
    url: `https://data.${owner}.example/${name}.img`,
    provider: `did:web:${owner}.example`,
    key: {
      type: 'azure',
      properties: {
        kid: `${name}-key`,
        authority: { endpoint: 'attestation.example' },
        endpoint: `keys.${owner}.example`,
      },
    },
  };
}

export const SAMPLE_CONTRACT = {
  name: 'sample-contract.json',
  text: `${JSON.stringify(CONTRACT, null, 2)}\n`,
};

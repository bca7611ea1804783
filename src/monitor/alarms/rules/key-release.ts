/** What must hold when a data key is handed over. */
import { datasetName } from '../chronicle.ts';
import { declareRule } from '../rule.ts';

export const keyWithoutAttestation = declareRule({
  code: 'KEY_WITHOUT_ATTESTATION',
  severity: 'critical',
  meaning:
    'A data key was released to a clean room of which no quorum of verifiers had affirmed evidence, or of which one took that back.',
  kinds: ['key.release'],
  breach({ body, denied }, before) {
    const release = before.releases.get(body.id);
    if (denied !== null || !release) return undefined;
    const room = before.rooms.get(release.room);
    if (!room?.attested) return `no quorum of verifiers has affirmed ${release.room}`;
    return room.retracted === undefined
      ? undefined
      : `entry ${room.retracted} found the evidence of ${release.room} contraindicated`;
  },
});

export const keyUnrequested = declareRule({
  code: 'KEY_UNREQUESTED',
  severity: 'critical',
  meaning: 'A data key was released that no clean room had asked for.',
  kinds: ['key.release'],
  breach: ({ body, denied }, before) =>
    denied === null && !before.releases.get(body.id) ? `${body.id} was never requested` : undefined,
});

export const keyUnpaid = declareRule({
  code: 'KEY_UNPAID',
  severity: 'critical',
  meaning: 'A data key was released before the payments of its contract were held.',
  kinds: ['key.release'],
  breach({ body, denied }, before) {
    const release = before.releases.get(body.id);
    if (denied !== null || !release) return undefined;
    const { contract, room } = release;
    const rows = before.contracts.get(contract)?.payments ?? [];
    const unpaid = rows.findIndex((_, row) => {
      const last = before.payments.get(contract, row, room);
      return last !== 'payment.hold' && last !== 'payment.settle';
    });
    return unpaid < 0 ? undefined : `payment ${unpaid} of ${contract} is not held`;
  },
});

export const keyAfterStop = declareRule({
  code: 'KEY_AFTER_STOP',
  severity: 'critical',
  meaning:
    'A data key was released after a revocation, withdrawal or suspension of the contract, a signatory, a dataset or the code.',
  kinds: ['key.release'],
  breach({ body, denied, time }, before) {
    const release = before.releases.get(body.id);
    const room = release && before.rooms.get(release.room);
    if (denied !== null || !room) return undefined;
    const contracts = room.contracts.flatMap((id) => {
      const contract = before.contracts.get(id);
      const datasets = contract?.datasets.map(([of, version]) => datasetName(of, version)) ?? [];
      return [id, ...(contract?.signed ?? []), ...datasets];
    });
    return before.stopOf([...contracts, room.code], time);
  },
});

export const keyTwice = declareRule({
  code: 'KEY_TWICE',
  severity: 'critical',
  meaning: 'A data key was released to a clean room that has it already.',
  kinds: ['key.release'],
  breach({ body, denied }, before) {
    const release = before.releases.get(body.id);
    if (denied !== null || !release) return undefined;
    const grants = before.grants.get(release.room, release.subject) ?? [];
    const had = grants.find((id) => before.releases.get(id)?.received !== undefined);
    return had && `${release.room} has received ${release.subject} with ${had}`;
  },
});

export const keyDenied = declareRule({
  code: 'KEY_DENIED',
  severity: 'info',
  meaning: 'A clean room asked for a data key that it may not have; the log has denied it.',
  kinds: ['key.release'],
  breach: ({ body, denied }) => (denied === null ? undefined : `${body.id}: ${denied}`),
});

export const keyLate = declareRule({
  code: 'KEY_LATE',
  severity: 'critical',
  meaning:
    'A clean room has a data key that its KMS had said not to hand over, or that came after the grant had expired.',
  kinds: ['key.receive'],
  breach({ body, time }, before) {
    const release = before.releases.get(body.id);
    if (!release) return undefined;
    if (release.cancelled !== undefined) return `${body.id} had been cancelled`;
    if (release.granted === undefined) return `${body.id} had not been granted`;
    const late = time - release.granted - before.handover * 1000;
    return late > 0 ? `${body.id} came ${Math.ceil(late / 1000)} s after its grant had expired` : undefined;
  },
});

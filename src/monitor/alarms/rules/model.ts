/** What must hold when what was trained leaves its clean room. */
import { toHex } from '../../../core/bytes.ts';
import { declareRule } from '../rule.ts';

export const modelWithoutRun = declareRule({
  code: 'MODEL_WITHOUT_RUN',
  severity: 'critical',
  meaning:
    'A model was released whose run did not complete in the clean room that releases it, or with files that the run did not declare.',
  kinds: ['model.release'],
  breach({ issuer, body }, before) {
    const run = before.runs.get(body.run);
    if (run?.room !== issuer || !run.completed) return `${body.run} did not complete in ${issuer}`;
    const undeclared = [body.digest, ...body.files].map(toHex).find((file) => !run.outputs.includes(file));
    return undeclared && `a file ${undeclared} that the run did not declare`;
  },
});

export const modelAfterStop = declareRule({
  code: 'MODEL_AFTER_STOP',
  severity: 'critical',
  meaning: 'A model was released after its contract or a signatory was revoked or suspended.',
  kinds: ['model.release'],
  breach({ issuer, time }, before) {
    const contracts = before.rooms.get(issuer)?.contracts ?? [];
    const subjects = contracts.flatMap((id) => [id, ...(before.contracts.get(id)?.signed ?? [])]);
    return before.stopOf(subjects, time);
  },
});

export const modelUnpaid = declareRule({
  code: 'MODEL_UNPAID',
  severity: 'critical',
  meaning: 'A model was released before the payments that are due at its release were settled.',
  kinds: ['model.release'],
  breach({ issuer }, before) {
    for (const id of before.rooms.get(issuer)?.contracts ?? []) {
      const rows = before.contracts.get(id)?.payments ?? [];
      const unpaid = rows.findIndex(
        (trigger, row) =>
          trigger === 'model.release' && before.payments.get(id, row, issuer) !== 'payment.settle',
      );
      if (unpaid >= 0) return `payment ${unpaid} of ${id} is not settled`;
    }
    return undefined;
  },
});

export const modelToStranger = declareRule({
  code: 'MODEL_TO_STRANGER',
  severity: 'critical',
  meaning: 'A model was released to somebody who is not the data consumer of its contracts.',
  kinds: ['model.release'],
  breach({ issuer, body }, before) {
    const contracts = before.rooms.get(issuer)?.contracts ?? [];
    const other = contracts.find((id) => before.contracts.get(id)?.tdc !== body.to);
    return other && `${body.to} is not the TDC of ${other}`;
  },
});

/** An alarm as it is kept, sent and printed: one JSON object, the same everywhere. */
import { fail } from '../../core/errors.ts';
import type { Alarm, AlarmSeverity } from '../alarm.ts';

export interface StoredAlarm extends Omit<Alarm, 'evidence'> {
  /** 1 for the first of this monitor, one more each time. */
  readonly sequence: number;
  /** Names of the evidence's files, in the folder of this alarm. */
  readonly files: readonly string[];
}

const SEVERITIES: readonly AlarmSeverity[] = ['info', 'warning', 'critical'];

export function isSeverity(text: string): text is AlarmSeverity {
  return (SEVERITIES as readonly string[]).includes(text);
}

/** Whether `severity` is at least as bad as `floor`. */
export function isAtLeast(severity: AlarmSeverity, floor: AlarmSeverity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(floor);
}

/** One line, without its newline: JSON escapes every line break. */
export function formatAlarm({
  sequence,
  code,
  severity,
  at,
  origin,
  size,
  index,
  detail,
  files,
}: StoredAlarm): string {
  return JSON.stringify({
    ...{ sequence, code, severity, at: new Date(at).toISOString(), origin, size },
    ...(index !== undefined && { index }),
    ...{ detail, files },
  });
}

/** @throws STORAGE_FAILED not what {@link formatAlarm} has written */
export function parseAlarm(text: string): StoredAlarm {
  try {
    const { at, ...alarm } = JSON.parse(text) as Omit<StoredAlarm, 'at'> & { at: string };
    const time = Date.parse(at);
    if (!Number.isSafeInteger(alarm.sequence) || Number.isNaN(time) || !isSeverity(alarm.severity)) {
      throw new Error('a member is missing');
    }
    return { ...alarm, at: time };
  } catch (cause) {
    throw fail('STORAGE_FAILED', 'a stored alarm cannot be read', { cause });
  }
}
